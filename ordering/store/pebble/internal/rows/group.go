package rows

import (
	"encoding/binary"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// AppendBrief writes a dead letter without its message. Its id ends the row's key.
func AppendBrief(dst []byte, d *store.DeadLetter, f Fingerprint) []byte {
	dst = append(append(dst, format), f[:]...)
	var flags byte
	if d.Lane {
		flags = ofLane
	}
	dst = appendTime(append(dst, flags), d.At) // as it was, while the key has a number
	dst = binary.AppendUvarint(dst, uint64(d.Epoch))
	dst = binary.AppendVarint(dst, int64(d.Rev))
	return appendString(appendString(dst, d.Key), d.Reason)
}

// ReadBrief reads a dead letter without its message; its ID is left to the caller.
func ReadBrief(b []byte) (d store.Brief, err error) {
	r, err := open(b)
	if err != nil {
		return d, err
	}
	d.Fingerprint = r.fingerprint().String()
	flags := r.byte("flags")
	if flags&^ofLane != 0 {
		r.fail("flags")
	}
	d.Lane = flags&ofLane != 0
	d.At = r.time("at")
	epoch := r.uvarint("epoch")
	if d.Epoch = uint32(epoch); uint64(d.Epoch) != epoch {
		r.fail("epoch")
	}
	d.Rev = lane.Revision(r.varint("revision"))
	d.Key, d.Reason = r.string("key"), r.string("reason")
	return d, r.close()
}

// AppendGroupRow writes a group. Its fingerprint is the row's key.
func AppendGroupRow(dst []byte, g *store.Group) []byte {
	dst = append(dst, format)
	for _, s := range [...]string{g.Reason, g.Class, g.Target, g.Error} {
		dst = appendString(dst, s)
	}
	dst = appendTime(appendTime(dst, g.First), g.Last)
	for _, n := range [...]int64{g.Dead, g.Keys, g.Parked} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

// ReadGroupRow reads a group; its Fingerprint is left to the caller.
func ReadGroupRow(b []byte) (g store.Group, err error) {
	r, err := open(b)
	if err != nil {
		return g, err
	}
	for _, s := range [...]*string{&g.Reason, &g.Class, &g.Target, &g.Error} {
		*s = r.string("group")
	}
	g.First, g.Last = r.time("first"), r.time("last")
	for _, n := range [...]*int64{&g.Dead, &g.Keys, &g.Parked} {
		*n = r.varint("count")
	}
	return g, r.close()
}

// AppendArchived writes what was put away. Its Route and ID are the row's key.
func AppendArchived(dst []byte, a *store.Archived, f Fingerprint) []byte {
	dst = appendTime(append(dst, format), a.ArchivedAt)
	for _, s := range [...]string{a.By, a.Why, a.Original} {
		dst = appendString(dst, s)
	}
	return AppendDead(dst, &a.DeadLetter, f)
}

// ReadArchived reads what was put away; its Route and ID are left to the caller.
func ReadArchived(b []byte) (a store.Archived, err error) {
	r, err := open(b)
	if err != nil {
		return a, err
	}
	a.ArchivedAt = r.time("archived at")
	for _, s := range [...]*string{&a.By, &a.Why, &a.Original} {
		*s = r.string("archived")
	}
	if r.bad != "" {
		return a, r.close()
	}
	a.DeadLetter, err = ReadDead(r.b)
	return a, err
}
