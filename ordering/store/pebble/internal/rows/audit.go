package rows

import (
	"encoding/binary"
	"math"

	"github.com/brokerbridge/bridge/ordering/store"
)

// AppendAudit writes an audit row. Its Seq is not written: it is the row's key.
func AppendAudit(dst []byte, a *store.Audit) []byte {
	dst = appendTime(append(dst, auditFormat), a.At)
	dst = binary.AppendUvarint(dst, uint64(a.Epoch))
	for _, s := range [...]string{a.Route, a.By, a.Action, a.Key, a.Target, a.Reason} {
		dst = appendString(dst, s)
	}
	return append(binary.AppendVarint(dst, a.Count), a.Hash[:]...)
}

// ReadAudit reads an audit row; its Seq is left to the caller.
func ReadAudit(b []byte) (a store.Audit, err error) {
	r, is, err := openUpTo(b, auditFormat)
	if err != nil {
		return a, err
	}
	a.At = r.time("at")
	epoch := r.uvarint("epoch")
	if a.Epoch = uint32(epoch); epoch > math.MaxUint32 {
		r.fail("epoch")
	}
	for _, s := range [...]*string{&a.Route, &a.By, &a.Action, &a.Key, &a.Target, &a.Reason} {
		*s = r.string("audit")
	}
	if is >= 2 {
		a.Count = r.varint("count")
		copy(a.Hash[:], r.take(uint64(len(a.Hash)), "hash"))
	}
	return a, r.close()
}

// AppendAuditHead writes the number and the hash of the last audit row.
func AppendAuditHead(dst []byte, seq uint64, hash store.AuditHash) []byte {
	return append(binary.AppendUvarint(append(dst, format), seq), hash[:]...)
}

// ReadAuditHead reads them.
func ReadAuditHead(b []byte) (seq uint64, hash store.AuditHash, err error) {
	r, err := open(b)
	if err != nil {
		return 0, hash, err
	}
	seq = r.uvarint("number")
	copy(hash[:], r.take(uint64(len(hash)), "hash"))
	return seq, hash, r.close()
}

// AppendPositionRow writes a position. Its topic id and partition are written
// once more, so that the row can be read alone.
func AppendPositionRow(dst []byte, p *store.Position) []byte {
	dst = append(append(dst, format), p.TopicID[:]...)
	dst = binary.AppendVarint(dst, int64(p.Partition))
	dst = binary.AppendVarint(dst, p.Next)
	dst = binary.AppendVarint(dst, p.Committed)
	return appendString(dst, p.Topic)
}

// ReadPositionRow reads a position.
func ReadPositionRow(b []byte) (p store.Position, err error) {
	r, err := open(b)
	if err != nil {
		return p, err
	}
	copy(p.TopicID[:], r.take(uint64(len(p.TopicID)), "topic id"))
	partition := r.varint("partition")
	if p.Partition = int32(partition); int64(p.Partition) != partition {
		r.fail("partition")
	}
	p.Next, p.Committed = r.varint("next"), r.varint("committed")
	p.Topic = r.string("topic")
	return p, r.close()
}
