package pebble

import (
	"errors"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"
	pdb "github.com/cockroachdb/pebble/v2"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// batchBytes is about how large a batch may grow. Pebble makes room for what is
// larger than half a memtable in a slower way.
const batchBytes = 8 << 20

var errTwice = errors.New("store: a commit names a lane twice")

// work turns changes into batches. It belongs to the turn of its route, and its
// memory serves commit after commit.
//
// A change is looked at before anything of it is written, so that it is in the
// batch as a whole or not at all.
type work struct {
	s *Store
	r *route

	batch   *pdb.Batch   // being filled, or nil
	batches []*pdb.Batch // full, each with the ledger as it stands behind it
	ledger  store.Ledger
	lanes   map[uint64]int // see flight
	forgot  uint64         // how often versions had forgotten something at the beginning
	moves   []move         // of what versions remembers, once this is durable
	seen    map[string]row // rows that changes touch, as they stand: parked, dead, skipped, archived
	outbox  outbox

	groups  map[rows.Fingerprint]*group // that changes touch, as they stand
	touched []rows.Fingerprint          // by the change
	dirty   []rows.Fingerprint          // by the batch
	prints  []rows.Fingerprint          // of the change's dead letters

	operations [][]byte  // the change's, encoded
	log        []byte    // the journal's row of the batch, or nil
	logs       [][]byte  // those of the batches that are full
	logged     int       // bytes of the last one
	audits     bool      // the right to number audit rows is held
	audited    auditHead // the last

	lane, key, value []byte // scratch; lane starts with a byte for the table
}

// move is the new head of a lane.
type move struct {
	at *rows.Head
	to rows.Head
}

// row is what is known of a row.
type row struct {
	exists bool
	open   bool      // a skipped range: it is in the index of those
	size   int64     // of a parked message
	at     time.Time // of a skipped range
	dead   *deadRow  // of a dead letter that exists
}

// keepSeen is how large a map of rows may grow and still be kept for the next
// commit.
const keepSeen = 4096

func (w *work) begin(s *Store, r *route) {
	w.s, w.r, w.ledger = s, r, r.counts()
	w.batch, w.batches, w.moves = nil, w.batches[:0], w.moves[:0]
	w.forgot = s.known.forgotten()
	w.log, w.logs = nil, w.logs[:0]
	if w.lanes == nil {
		w.lanes = map[uint64]int{}
	}
	clear(w.lanes)
	if w.seen == nil || len(w.seen) > keepSeen {
		w.seen = map[string]row{}
	}
	clear(w.seen)
	clear(w.groups)
	w.outbox, w.touched, w.dirty = r.outbox, w.touched[:0], w.dirty[:0]
}

// end closes the last batch.
func (w *work) end() {
	if w.batch == nil {
		return
	}
	w.endGroups()
	w.key = rows.AppendRoute(w.key[:0], rows.Ledgers, w.r.number)
	w.value = rows.AppendLedger(w.value[:0], w.ledger)
	w.set(w.key, w.value)
	w.endLog()
	w.batches = append(w.batches, w.batch)
	w.batch = nil
}

// endLog adds the batch's row of the journal. That of a commit that fails is
// counted too: none follows.
func (w *work) endLog() {
	if len(w.log) == 0 {
		return
	}
	j := &w.r.journal
	w.key = journalKey(w.key[:0], w.r.number, j.next)
	w.set(w.key, w.log)
	w.logs = append(w.logs, w.log)
	j.next++
	j.bytes += len(w.log)
	w.log, w.logged = nil, len(w.log)
}

// remember updates what is known of the lanes.
func (w *work) remember() {
	for _, log := range w.logs {
		_ = w.r.journal.note(log) // it can be read: it was written here
	}
	clear(w.logs)
	for _, m := range w.moves {
		*m.at = m.to
	}
	w.r.outbox = w.outbox
	w.s.known.forgetSince(w.forgot)
}

// add takes one change in, or returns why it cannot.
func (w *work) add(changes []store.Change, i int) error {
	c := &changes[i]
	if err := c.Valid(); err != nil {
		return err
	}
	w.lane = rows.AppendLane(w.lane[:0], rows.Records, w.r.number, c.Key.Name, c.Key.Epoch)
	at, err := w.check(changes, i)
	if err != nil {
		return err
	}
	if err := w.look(c, at); err != nil {
		return fmt.Errorf("store: lane %q of route %q: %w", c.Key.Name, c.Key.Route, err)
	}
	if w.batch == nil {
		w.batch = w.s.db.NewBatch()
	}
	w.put(c, at)
	if w.batch.Len()+len(w.log) > batchBytes {
		w.end()
	}
	return nil
}

// check compares versions and returns the lane's head.
func (w *work) check(changes []store.Change, i int) (*rows.Head, error) {
	c := &changes[i]
	if c.Record == nil {
		return nil, nil
	}
	sum := xxhash.Sum64(w.lane[1:])
	if j, ok := w.lanes[sum]; ok && changes[j].Key == c.Key {
		return nil, errTwice
	}
	h, err := w.head()
	if err != nil {
		return nil, fmt.Errorf("store: lane %q of route %q: %w", c.Key.Name, c.Key.Route, err)
	}
	if h.Version != c.Version {
		return nil, store.ErrConflict
	}
	w.lanes[sum] = i
	return h, nil
}

// head returns the stored head of the lane.
func (w *work) head() (*rows.Head, error) {
	if h := w.s.known.get(w.lane[1:]); h != nil {
		return h, nil
	}
	h := &rows.Head{}
	w.lane[0] = byte(rows.Records)
	_, err := w.s.viewRecord(w.r, w.lane, func(v []byte) (err error) {
		*h, err = rows.ReadHead(v)
		return err
	})
	if err != nil {
		return nil, err
	}
	w.s.known.add(w.lane[1:], h)
	return h, nil
}

// put writes a change whose rows are known.
func (w *work) put(c *store.Change, at *rows.Head) {
	w.ledger = w.ledger.Add(c.Ledger.Given())
	w.putMirrored(c)
	w.putDead(c)
	w.putAudit(c)
	w.putSeen(c)
	w.putAside(c)
	w.putEvents(c)
	if c.Record != nil {
		w.putLane(c, at)
	}
	w.settleGroups()
}

// putLane writes what a change does to its lane.
func (w *work) putLane(c *store.Change, at *rows.Head) {
	to := *at
	w.putParked(c, &to)
	to.Cause = w.causeOf(c, at.Cause)
	w.wait(at, &to)
	w.putSkips(c)
	to.Version++
	to.Blocked = c.Record.Blocked()
	w.lane[0] = byte(rows.Blocked)
	switch {
	case to.Blocked && !at.Blocked:
		w.set(w.lane, nil)
	case at.Blocked && !to.Blocked:
		w.delete(w.lane)
	}
	w.lane[0] = byte(rows.Records)
	w.value = rows.AppendRecord(w.value[:0], to, c.Record)
	if w.log == nil {
		w.log = make([]byte, 0, w.logged) // most commits are like the one before
	}
	w.log = rows.AppendJournal(w.log, w.lane[1:], w.value)
	w.moves = append(w.moves, move{at, to})
}

// set and delete add to the batch, which cannot fail: it is in memory.
func (w *work) set(key, value []byte) { _ = w.batch.Set(key, value, nil) }

func (w *work) delete(key []byte) { _ = w.batch.Delete(key, nil) }
