package rows

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// What an event has.
const (
	hasRevision = 1 << iota
	hasTo
	hasReply
)

// AppendEvent writes an event. Its Seq is the row's key.
func AppendEvent(dst []byte, e *store.Event) []byte {
	var flags byte
	for i, has := range [...]bool{e.Revision != nil, e.To != nil, e.Reply != nil} {
		if has {
			flags |= 1 << i
		}
	}
	dst = appendTime(append(dst, format, flags), e.At)
	dst = binary.AppendUvarint(dst, uint64(e.Epoch))
	for _, s := range [...]string{e.Type, e.Key, e.Dead, e.Reason, e.Class, e.Error, e.By, e.Group} {
		dst = appendString(dst, s)
	}
	for _, n := range [...]*int64{e.Revision, e.To} {
		if n != nil {
			dst = binary.AppendVarint(dst, *n)
		}
	}
	if e.Reply != nil {
		for _, s := range [...]string{e.Reply.To, e.Reply.CorrelationID, e.Reply.MessageID} {
			dst = appendString(dst, s)
		}
	}
	return dst
}

// ReadEvent reads an event; its Seq is left to the caller.
func ReadEvent(b []byte) (e store.Event, err error) {
	r, err := open(b)
	if err != nil {
		return e, err
	}
	flags := r.byte("flags")
	e.At = r.time("at")
	epoch := r.uvarint("epoch")
	if e.Epoch = uint32(epoch); epoch > math.MaxUint32 || flags > hasRevision|hasTo|hasReply {
		r.fail("event")
	}
	for _, s := range [...]*string{&e.Type, &e.Key, &e.Dead, &e.Reason, &e.Class, &e.Error, &e.By, &e.Group} {
		*s = r.string("event")
	}
	for i, n := range [...]**int64{&e.Revision, &e.To} {
		if flags&(hasRevision<<i) != 0 {
			v := r.varint("revision")
			*n = &v
		}
	}
	if flags&hasReply != 0 {
		e.Reply = &store.Reply{To: r.string("reply"), CorrelationID: r.string("reply"), MessageID: r.string("reply")}
	}
	return e, r.close()
}

// AppendOperation writes an operation. What it selects is of any bytes, which JSON
// is not; else it is JSON.
func AppendOperation(dst []byte, o store.Operation) ([]byte, error) {
	dst = appendString(append(dst, format), o.Selection.Key)
	dst = binary.AppendUvarint(dst, uint64(len(o.Selection.IDs)))
	for _, id := range o.Selection.IDs {
		dst = appendString(dst, id)
	}
	o.Selection.Key, o.Selection.IDs = "", nil
	for _, t := range [...]*time.Time{&o.Selection.Since, &o.Selection.Until, &o.Began, &o.Changed, &o.Ended} {
		*t = t.UTC()
	}
	raw, err := json.Marshal(o)
	return append(dst, raw...), err
}

// ReadOperation reads an operation.
func ReadOperation(b []byte) (o store.Operation, err error) {
	r, err := open(b)
	if err != nil {
		return o, err
	}
	key := r.string("key")
	var ids []string
	for range r.count("ids") {
		ids = append(ids, r.string("id"))
	}
	if r.bad != "" {
		return o, r.close()
	}
	if err = json.Unmarshal(r.b, &o); err != nil {
		return store.Operation{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	o.Selection.Key, o.Selection.IDs = key, ids
	return o, nil
}
