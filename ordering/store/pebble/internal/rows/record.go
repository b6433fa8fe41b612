package rows

import (
	"encoding/binary"
	"math/bits"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Head is what a commit has to know of the record it replaces.
type Head struct {
	Version uint64
	Rows    uint64      // how many parked rows the lane really has
	Blocked bool        // whether the lane is in the index of the blocked
	Cause   Fingerprint // of the dead letter that a quarantined lane waits for
}

// The parts of a record that are often zero, and then absent.
const (
	hasLowest = 1 << iota
	hasParked
	hasAside
	hasSkips
	isSuspect
	isReborn
	hasFirst0
	hasFirst1
	hasBlocked
	hasSince
	hasDue
	hasStamp // since format 4 of the store
	hasCause // since format 5
	allFlags = 1<<iota - 1
)

// AppendRecord writes a record as what h says. Its Key and Version are not
// written: they are the row's key and in h.
func AppendRecord(dst []byte, h Head, r *store.Record) []byte {
	s := &r.State
	flags := flagsOf(r)
	if h.Cause != (Fingerprint{}) {
		flags |= hasCause
	}
	dst = append(dst, format, byte(s.Mode))
	dst = binary.AppendUvarint(dst, h.Version)
	dst = binary.AppendUvarint(dst, h.Rows)
	dst = binary.AppendUvarint(dst, flags)
	if flags&hasCause != 0 {
		dst = append(dst, h.Cause[:]...)
	}
	dst = binary.AppendVarint(dst, int64(s.Base))
	dst = binary.AppendVarint(dst, int64(s.Next-s.Base))
	dst = binary.AppendVarint(dst, int64(s.Highest-s.Next))
	if flags&hasLowest != 0 {
		dst = binary.AppendVarint(dst, int64(s.Lowest-s.Next))
	}
	for _, n := range [...]int{s.Parked, s.Aside, s.Skips} {
		if n != 0 {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	for _, p := range [...]lane.Print{s.First[0], s.First[1], s.Blocked} {
		if p != 0 {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(p))
		}
	}
	if flags&hasSince != 0 {
		dst = appendTime(dst, r.Since)
	}
	if flags&hasDue != 0 {
		dst = appendTime(dst, r.Due)
	}
	if flags&hasStamp != 0 {
		dst = binary.AppendUvarint(dst, uint64(r.Stamp))
	}
	return appendRecent(dst, s)
}

// appendRecent writes the prints there are, behind a bit for each.
func appendRecent(dst []byte, s *lane.State) []byte {
	var mask uint64
	for i, p := range s.Recent {
		if p != 0 {
			mask |= 1 << i
		}
	}
	dst = binary.AppendUvarint(dst, mask)
	for _, p := range s.Recent {
		if p != 0 {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(p))
		}
	}
	return dst
}

func flagsOf(r *store.Record) (flags uint64) {
	s := &r.State
	for i, has := range [...]bool{
		s.Lowest != 0, s.Parked != 0, s.Aside != 0, s.Skips != 0, s.Suspect, s.Reborn,
		s.First[0] != 0, s.First[1] != 0, s.Blocked != 0, !r.Since.IsZero(), !r.Due.IsZero(),
		r.Stamp != 0,
	} {
		if has {
			flags |= 1 << i
		}
	}
	return flags
}

// ReadHead reads the head of a record.
func ReadHead(b []byte) (Head, error) {
	r, err := open(b)
	if err != nil {
		return Head{}, err
	}
	h, _, _ := readHead(&r)
	r.b = nil // the rest is nobody's business here
	return h, r.close()
}

func readHead(r *reader) (h Head, mode lane.Mode, flags uint64) {
	mode = lane.Mode(r.byte("mode"))
	h.Version = r.uvarint("version")
	h.Rows = r.uvarint("rows")
	flags = r.uvarint("flags")
	if mode > lane.Locked || flags > allFlags || h.Version == 0 {
		r.fail("head")
	}
	if flags&hasCause != 0 {
		copy(h.Cause[:], r.take(uint64(len(h.Cause)), "cause"))
	}
	h.Blocked = mode != lane.Flowing || flags&hasParked != 0
	return h, mode, flags
}

// ReadRecord reads a record; its Key is left to the caller.
func ReadRecord(b []byte) (h Head, rec store.Record, err error) {
	r, err := open(b)
	if err != nil {
		return h, rec, err
	}
	h, mode, flags := readHead(&r)
	rec.Version = h.Version
	s := &rec.State
	s.Mode = mode
	s.Suspect, s.Reborn = flags&isSuspect != 0, flags&isReborn != 0
	s.Base = lane.Revision(r.varint("base"))
	s.Next = s.Base + lane.Revision(r.varint("next"))
	s.Highest = s.Next + lane.Revision(r.varint("highest"))
	if flags&hasLowest != 0 {
		s.Lowest = s.Next + lane.Revision(r.varint("lowest"))
	}
	readCounts(&r, flags, s)
	readPrints(&r, flags, s)
	if flags&hasSince != 0 {
		rec.Since = r.time("since")
	}
	if flags&hasDue != 0 {
		rec.Due = r.time("due")
	}
	if flags&hasStamp != 0 {
		rec.Stamp = lane.Revision(r.uvarint("stamp"))
	}
	readRecent(&r, s)
	return h, rec, r.close()
}

func readCounts(r *reader, flags uint64, s *lane.State) {
	for i, n := range [...]*int{&s.Parked, &s.Aside, &s.Skips} {
		if flags&(hasParked<<i) != 0 {
			*n = r.natural("count")
		}
	}
}

func readPrints(r *reader, flags uint64, s *lane.State) {
	for i, p := range [...]*lane.Print{&s.First[0], &s.First[1], &s.Blocked} {
		if flags&(hasFirst0<<i) != 0 {
			*p = lane.Print(r.fixed("print"))
		}
	}
}

func readRecent(r *reader, s *lane.State) {
	mask := r.uvarint("prints")
	if bits.Len64(mask) > len(s.Recent) {
		r.fail("prints")
		return
	}
	for i := range s.Recent {
		if mask&(1<<i) != 0 {
			s.Recent[i] = lane.Print(r.fixed("print"))
		}
	}
}
