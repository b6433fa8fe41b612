package pebble

import (
	"maps"
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// journalBytes is how much of a journal is written before it is folded: some
// 10,000 records. A larger one would make that rarer, and longer.
const journalBytes = 2 << 20

// foldBytes is about how much is folded at once: Pebble uses the memory of such
// a batch again.
const foldBytes = 512 << 10

// journal is where a route's records are written first. A commit puts all of its
// records into one row; a row for each would be a search through Pebble's memory
// for each, with versions of the same lanes in it by the hundred. When it has
// grown, it is folded: what is left of it, the newest record of each lane, moves
// to the lanes' own rows.
//
// It belongs to the turn of the route, but fresh, which readers see: that belongs
// to the route's mutex.
type journal struct {
	first, next uint64 // the numbers of its rows
	bytes       int
	fresh       map[string]*[]byte // by lane: its record
}

// lately returns the record of a lane that is in the journal, or nil.
func (r *route) lately(lane []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.journal.fresh[string(lane)]; v != nil {
		return *v
	}
	return nil
}

// note makes the records of a row that is durable the newest of their lanes.
func (j *journal) note(row []byte) error {
	if j.fresh == nil {
		j.fresh = map[string]*[]byte{}
	}
	return rows.ReadJournal(row, func(lane, record []byte) {
		v := j.fresh[string(lane)]
		if v == nil {
			v = new([]byte)
			j.fresh[string(lane)] = v
		}
		*v = record
	})
}

// replay reads the journal of a route that was not folded.
func (s *Store) replay(r *route) error {
	j := &r.journal
	prefix := rows.AppendRoute(nil, rows.Journal, r.number)
	return s.scan(prefix, rows.End(prefix), func(key, row []byte) (bool, error) {
		number, err := rows.SplitSeq(key)
		if err != nil {
			return false, err
		}
		if j.next == 0 {
			j.first = number
		}
		j.next = number + 1
		j.bytes += len(row)
		return true, j.note(slices.Clone(row))
	})
}

// foldGrown folds the journal of a route if it has grown.
func (s *Store) foldGrown(r *route) {
	if r.journal.bytes >= s.grown {
		s.fold(r)
	}
}

// foldAll leaves nothing to replay to the next start.
func (s *Store) foldAll() {
	for _, r := range s.routes {
		if r.journal.bytes > 0 {
			s.fold(r)
		}
	}
}

// fold moves the records to the rows of their lanes. It is not lost if this is:
// the log is sequential, so whatever is durable behind it is so with it.
func (s *Store) fold(r *route) {
	j := &r.journal
	if s.files.Full() || s.files.Err() != nil {
		return
	}
	b := s.db.NewBatch()
	key := []byte{byte(rows.Records)}
	lanes := slices.AppendSeq(make([]string, 0, len(j.fresh)), maps.Keys(j.fresh))
	slices.Sort(lanes)
	for _, lane := range lanes {
		key = append(key[:1], lane...)
		_ = b.Set(key, *j.fresh[lane], nil)
		if b.Len() > foldBytes {
			if s.write(b, false) != nil {
				return // the store has failed
			}
			b = s.db.NewBatch()
		}
	}
	_ = b.DeleteRange(journalKey(nil, r.number, j.first), journalKey(nil, r.number, j.next), nil)
	if s.write(b, false) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	j.first, j.bytes, j.fresh = j.next, 0, make(map[string]*[]byte, len(j.fresh))
}

func journalKey(dst []byte, route uint32, number uint64) []byte {
	return rows.AppendSeq(rows.AppendRoute(dst, rows.Journal, route), number)
}

// viewRecord is view for the record of a lane, which may be in the journal. The
// key comes with the table in front.
func (s *Store) viewRecord(r *route, key []byte, see func([]byte) error) (bool, error) {
	if v := r.lately(key[1:]); v != nil {
		return true, see(v)
	}
	return s.view(key, see)
}

// record returns the record of a lane and its head; zero if there is none.
func (s *Store) record(r *route, key []byte) (h rows.Head, rec store.Record, err error) {
	_, err = s.viewRecord(r, key, func(v []byte) (err error) {
		h, rec, err = rows.ReadRecord(v)
		return err
	})
	return h, rec, err
}

// scanRecords is scan for the records of a route, those of its journal included.
func (s *Store) scanRecords(r *route) scanner {
	return func(from, to []byte, see func(key, value []byte) (bool, error)) error {
		fresh := r.freshIn(from, to) // before the rows: what is folded meanwhile is in both
		more := true
		show := func(key, value []byte) (_ bool, err error) {
			more, err = see(key, value)
			return more, err
		}
		err := s.scan(from, to, func(key, value []byte) (bool, error) {
			for len(fresh) > 0 && fresh[0].key < string(key) {
				if more, err := show([]byte(fresh[0].key), fresh[0].record); err != nil || !more {
					return false, err
				}
				fresh = fresh[1:]
			}
			if len(fresh) > 0 && fresh[0].key == string(key) {
				value, fresh = fresh[0].record, fresh[1:]
			}
			return show(key, value)
		})
		for ; len(fresh) > 0 && more && err == nil; fresh = fresh[1:] {
			_, err = show([]byte(fresh[0].key), fresh[0].record)
		}
		return err
	}
}

// entry is a record in a journal, with the key of its lane's own row.
type entry struct {
	key    string
	record []byte
}

// freshIn returns what is in the journal between two keys of Records, in order.
func (r *route) freshIn(from, to []byte) (in []entry) {
	r.mu.Lock()
	for lane, record := range r.journal.fresh {
		e := entry{string(rows.Records) + lane, *record}
		if e.key >= string(from) && e.key < string(to) {
			in = append(in, e)
		}
	}
	r.mu.Unlock()
	slices.SortFunc(in, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return in
}
