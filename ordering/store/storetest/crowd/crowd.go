// Package crowd fills a store with very much: what a bridge looks like that nobody
// has looked after for weeks. Tests and benchmarks of what must stay fast and small
// all the same fill their stores with it.
//
// All of it is of one route, [Route], and always the same: times count from
// [Began], a second for each row.
package crowd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Names of what is in every crowd.
const (
	Route  = "orders"
	Hot    = "hot"     // the key behind which a fifth of all that is parked waits
	Rare   = "expired" // the reason of three dead letters: the first, one in the middle, and the last
	Reason = "permanent"
)

// Began is when the first row was written.
var Began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Size says how much of each there is.
type Size struct {
	Dead       int // dead letters: three fifths have one cause, the rest some dozens and Causes
	Causes     int // causes of one dead letter each
	Parked     int // messages: a fifth of Hot, the others of as many as Keys
	Keys       int // keys with something parked, at least 10: the first half is blocked
	Skips      int // open ones, of as many keys
	Audits     int
	Archived   int
	Operations int // that have ended
}

// Million is what has to stay fast.
var Million = Size{
	Dead: 1_000_000, Causes: 10_000, Parked: 1_000_000, Keys: 100_000,
	Skips: 10_000, Audits: 100_000, Archived: 20_000, Operations: 5_000,
}

// Part is a part of a size, with something of each.
func (s Size) Part(of int) Size {
	return Size{s.Dead / of, s.Causes / of, s.Parked / of, s.Keys / of, s.Skips / of, s.Audits / of, s.Archived / of, s.Operations / of}
}

// Key is the name of a key with something parked. Of those below Blocked four fifths
// wait for a dead letter, and the rest miss a revision that did not come in time.
func Key(i int) string { return fmt.Sprintf("order-%06d", i) }

// Blocked is how many keys wait until somebody acts.
func (s Size) Blocked() int { return s.Keys / 2 }

// quarantined is how many keys wait for a dead letter; Hot does, too.
func (s Size) quarantined() int { return s.Blocked() / 5 * 4 }

// ID is the id of a dead letter: those of the first keys come first.
func ID(i int) string { return fmt.Sprintf("d%07d", i) }

// Fill puts a crowd into a store in which the route is open and has nothing.
func Fill(ctx context.Context, s store.Store, size Size) error {
	f := &filling{ctx: ctx, store: s, Size: size}
	for _, part := range []func(){f.dead, f.parked, f.hot, f.skips, f.audits, f.archive, f.operations} {
		part()
	}
	f.commit()
	return f.err
}

// filling is a store that is being filled; its first error ends it.
type filling struct {
	Size
	ctx     context.Context
	store   store.Store
	changes []store.Change
	rows    int // in the changes
	err     error
}

const rowsAtOnce = 5000

// add has a change of so many rows committed, with others.
func (f *filling) add(c store.Change, rows int) {
	c.Key.Route = Route
	f.changes = append(f.changes, c)
	if f.rows += rows; f.rows >= rowsAtOnce {
		f.commit()
	}
}

func (f *filling) commit() {
	if f.err == nil && len(f.changes) > 0 {
		f.err = errors.Join(f.store.Commit(f.ctx, f.changes...)...)
	}
	f.changes, f.rows = f.changes[:0], 0
}

func at(i int) time.Time { return Began.Add(time.Duration(i) * time.Second) }

// message has about 300 bytes.
func message(rev lane.Revision, i int) store.Message {
	return store.Message{
		Rev: rev, ID: fmt.Sprintf("m-%d", i), Print: lane.Print(i + 1), ParkedAt: at(i),
		Metadata: map[string]string{"type": "order.changed", "tenant": fmt.Sprintf("t%02d", i%40)},
		Payload:  fmt.Appendf(nil, `{"order":%d,"revision":%d,"items":[{"sku":"%016x","count":%d},{"sku":"%016x","count":1}],"note":"%0*d"}`, i, rev, i*2654435761, i%9, i*40503, 150, i),
	}
}

// letter is a dead letter: those of quarantined keys stand at their lane's next
// revision, the others belong to no lane.
func (f *filling) letter(i int) store.DeadLetter {
	d := store.DeadLetter{ID: ID(i), Key: fmt.Sprintf("late-%05d", i%10_000), Reason: Reason, Target: "topic orders", At: at(i), Message: message(lane.Revision(i%50), i)}
	if i < f.quarantined() {
		d.Key, d.Lane, d.Rev = Key(i), true, 2
	}
	if i == f.quarantined() {
		d.Key, d.Lane, d.Rev = Hot, true, 2
	}
	d.Tries = store.Tries{Attempts: 1 + i%10, FirstFailed: at(i), LastFailed: at(i), Class: "permanent", Error: f.cause(i)}
	if i == 0 || i == f.Dead/2 || i == f.Dead-1 {
		d.Reason = Rare
	}
	return d
}

// cause is the error of a dead letter.
func (f *filling) cause(i int) string {
	switch {
	case i >= f.Dead-f.Causes:
		return "the target does not know the tenant " + word(i)
	case i%5 < 3:
		return fmt.Sprintf("422 the price of order %d is missing", i)
	}
	return "the field is too long: " + word(i/5%48)
}

// word spells a number in letters, because causes are told apart by words.
func word(i int) string {
	text := []byte("zz")
	for ; i > 0; i /= 20 {
		text = append(text, "bcdfghjklmnpqrstvwxz"[i%20])
	}
	return string(text)
}

func (f *filling) dead() {
	c := store.Change{}
	for i := range f.Dead {
		if c.Dead = append(c.Dead, f.letter(i)); len(c.Dead) == 1000 || i+1 == f.Dead {
			f.add(c, len(c.Dead))
			c.Dead = nil
		}
	}
}

// parked parks behind every key what is its part.
func (f *filling) parked() {
	each := max(1, f.Parked/5*4/f.Keys)
	for k := range f.Keys {
		mode := lane.Gap
		switch {
		case k < f.quarantined():
			mode = lane.Quarantined
		case k < f.Blocked():
			mode = lane.GapBlocked
		}
		f.add(parkedBehind(Key(k), 0, mode, 0, each, k), each)
	}
}

// hot parks a fifth of all behind one key, with a hole in every hundred.
func (f *filling) hot() {
	const most = 10_000
	n := f.Parked / 5
	for from, version := 0, uint64(0); from < n; from += most {
		f.add(parkedBehind(Hot, version, lane.Quarantined, from, min(from+most, n), 0), most)
		f.commit() // one change of a lane at a time
		version++
	}
}

// parkedBehind parks a lane's messages from one to another, and says how it stands
// then: it lacks revision 2, whether that is a dead letter or never came.
func parkedBehind(key string, version uint64, mode lane.Mode, from, to, i int) store.Change {
	c := store.Change{Key: store.Key{Name: key}, Version: version}
	for n := from; n < to; n++ {
		c.Park = append(c.Park, message(revision(n), i+n))
	}
	state := lane.State{Base: 1, Next: 2, Lowest: revision(0), Highest: revision(to - 1), Parked: to, Mode: mode}
	c.Record = &store.Record{State: state, Since: at(i)}
	return c
}

// revision is that of the nth message parked of a key.
func revision(n int) lane.Revision { return lane.Revision(3 + n + n/100) }

// skips leaves a skipped range in as many keys that flow, which nobody has seen to.
func (f *filling) skips() {
	for i := range f.Skips {
		f.add(store.Change{
			Key:    store.Key{Name: fmt.Sprintf("skipped-%05d", i)},
			Record: &store.Record{State: lane.State{Base: 1, Next: 9, Highest: 8, Skips: 1}, Since: at(i)},
			Skip:   []store.Skip{{From: 4, To: 5, At: at(i / 3), By: "ann", Reason: "it never came"}},
		}, 1)
	}
}

func (f *filling) audits() {
	for i := range f.Audits {
		f.add(store.Change{Audit: []store.Audit{{At: at(i), By: "ann", Action: "discard", Key: Key(i % 1000), Target: ID(i), Reason: "seen to"}}}, 1)
	}
}

func (f *filling) archive() {
	for i := range f.Archived {
		d := store.DeadLetter{ID: fmt.Sprintf("a%06d", i), Key: Key(i), Reason: Reason, At: at(i), Message: message(1, i)}
		d.Error = "the field is too long: " + word(i%7)
		f.add(store.Change{Archive: []store.Archived{{DeadLetter: d, ArchivedAt: at(i + 1), By: "ann", Why: "kept"}}}, 1)
	}
}

func (f *filling) operations() {
	for i := range f.Operations {
		o := store.Operation{ID: OperationID(i), Action: "redrive", State: store.OperationDone, By: "ann", Reason: "mended", Total: 10, Done: 10}
		o.Began, o.Changed, o.Ended = at(i), at(i+1), at(i+1)
		f.add(store.Change{Operations: []store.Operation{o}}, 1)
	}
}

// OperationID is the id of an operation, which sorts by when it began.
func OperationID(i int) string { return at(i).Format("20060102T150405") + "000-0000" }
