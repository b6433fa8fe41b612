package rows

import (
	"encoding/binary"
	"math"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// AppendSkip writes a skipped range.
func AppendSkip(dst []byte, s *store.Skip) []byte {
	dst = binary.AppendVarint(append(dst, format), int64(s.From))
	dst = binary.AppendVarint(dst, int64(s.To))
	dst = appendTime(dst, s.At)
	return appendString(appendString(dst, s.By), s.Reason)
}

// ReadSkip reads a skipped range.
func ReadSkip(b []byte) (s store.Skip, err error) {
	r, err := open(b)
	if err != nil {
		return s, err
	}
	s.From = lane.Revision(r.varint("from"))
	s.To = lane.Revision(r.varint("to"))
	s.At = r.time("at")
	s.By = r.string("by")
	s.Reason = r.string("reason")
	return s, r.close()
}

// AppendRouteRow writes a route's number and identity.
func AppendRouteRow(dst []byte, number uint32, id *store.Identity) []byte {
	dst = binary.AppendUvarint(append(dst, format), uint64(number))
	for _, s := range [...]string{id.Route, id.Source, id.By, id.Key, id.Revision} {
		dst = appendString(dst, s)
	}
	return dst
}

// ReadRouteRow reads a route's number and identity.
func ReadRouteRow(b []byte) (number uint32, id store.Identity, err error) {
	r, err := open(b)
	if err != nil {
		return 0, id, err
	}
	n := r.uvarint("number")
	if n > math.MaxUint32 {
		r.fail("number")
	}
	for _, s := range [...]*string{&id.Route, &id.Source, &id.By, &id.Key, &id.Revision} {
		*s = r.string("identity")
	}
	return uint32(n), id, r.close()
}

// counters lists a ledger's counts in the order they are written. New ones are
// added at the end.
func counters(l *store.Ledger) [21]*int64 {
	return [...]*int64{
		&l.Delivered, &l.Duplicates, &l.Unverified, &l.Discarded, &l.Archived,
		&l.Purged, &l.Expired, &l.Imported, &l.Redriven, &l.DeadLettered,
		&l.ParkedTotal, &l.Skipped, &l.Parked, &l.ParkedBytes, &l.Dead,
		&l.Filtered, &l.Unmirrored, &l.Restored, &l.Kept, &l.OpenSkips, &l.Unsent,
	}
}

// countersOf is how many counts a format of ledgers has.
var countersOf = [ledgerFormat + 1]int{1: 15, 2: 17, 3: 21}

// AppendLedger writes a ledger.
func AppendLedger(dst []byte, l store.Ledger) []byte {
	dst = append(dst, ledgerFormat)
	for _, n := range counters(&l) {
		dst = binary.AppendVarint(dst, *n)
	}
	return dst
}

// ReadLedger reads a ledger.
func ReadLedger(b []byte) (l store.Ledger, err error) {
	r, is, err := openUpTo(b, ledgerFormat)
	if err != nil {
		return l, err
	}
	ns := counters(&l)
	for _, n := range ns[:countersOf[is]] {
		*n = r.varint("count")
	}
	return l, r.close()
}
