package ordering

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// seen recognises messages that come again, where they have no revision: by their
// id, or what Config.MessageID reads, and by what Config.Same compares. What ended
// or was parked is remembered in the store, in the change that says so, for one
// to two times Config.Remember; what is in memory is known here.
type seen struct {
	at    map[store.SeenPrint]*item
	since uint32 // the oldest era that still counts

	forgotten bool  // what is older than that
	turn      int64 // when that was
}

// remembers reports whether messages are recognised by their ids.
func (c *Config) remembers() bool { return c.Order != ByRevision && c.Remember > 0 }

// MessageUUID reads the id that Watermill has for a message. It is the default of
// Config.MessageID.
func MessageUUID(m *message.Message) (string, bool, error) { return m.UUID, m.UUID != "", nil }

// sight notes what tells a message from others. One without an id is not
// recognised.
func (r *Resequencer) sight(it *item) {
	if !r.cfg.remembers() || it.refusal != nil {
		return
	}
	defer contain(&it.refusal)
	id, found, err := r.cfg.MessageID(it.msg)
	if err == nil && found {
		it.sight = seenPrint(it.id.Key, id, it.print)
	}
}

// seenPrint hashes what tells messages apart.
func seenPrint(key, id string, same lane.Print) (p store.SeenPrint) {
	b := make([]byte, 0, 16+len(key)+len(id))
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(append(b, key...), id...)
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(b, uint64(same)))
	copy(p[:], sum[:])
	return p
}

// eraOf is the era in which a message ends now: the second before which it will
// have ended, a multiple of the time for which it is remembered. So it says by itself
// when it may be forgotten, whatever that time is by then.
func (l *loop) eraOf(at time.Time) uint32 {
	window := l.cfg.rememberSeconds()
	return uint32(min((at.Unix()/window+1)*window, math.MaxUint32-1))
}

// rememberSeconds is Config.Remember in whole seconds, rounded up.
func (c *Config) rememberSeconds() int64 {
	return int64((c.Remember + time.Second - 1) / time.Second)
}

// lookSeen says of each message whether the store remembers it. A longer list is
// asked about by all processors.
func (l *loop) lookSeen(items []*item) ([]bool, error) {
	answers := make([]bool, len(items))
	if !l.cfg.remembers() {
		return answers, nil
	}
	l.forgetSeen()
	prints := make([]store.SeenPrint, len(items))
	for i, it := range items {
		prints[i] = it.sight
	}
	err := sideBySide(len(items), func(from, to int) error {
		is, err := l.cfg.Store.Seen(context.Background(), l.cfg.Route, l.seen.since, prints[from:to])
		copy(answers[from:to], is)
		return err
	})
	return answers, err
}

// forgetSeen forgets what is too old to be asked for; all of it where nothing is
// to be remembered.
func (l *loop) forgetSeen() {
	if l.cfg.Order == ByRevision {
		return
	}
	since, turn := uint32(math.MaxUint32), int64(0)
	if l.cfg.remembers() {
		since = uint32(max(0, l.now.Unix()-l.cfg.rememberSeconds()+1))
		turn = int64(since) / l.cfg.rememberSeconds()
	}
	l.seen.since = since
	if l.seen.forgotten && turn == l.seen.turn {
		return // no era has ended since
	}
	l.seen.forgotten, l.seen.turn = true, turn
	if err := l.cfg.Store.Forget(context.Background(), l.cfg.Route, since); err != nil {
		l.log.Warn("ids that are older than order.duplicates.window are still in the store", "error", err)
	}
}

// date gives what a change remembers the era in which it ends.
func (l *loop) date(c *change) {
	if len(c.store.Seen) == 0 {
		return
	}
	era := l.eraOf(l.now)
	for i := range c.store.Seen {
		c.store.Seen[i].Era = era
	}
}

// isAgain takes care of a message that is known: one in memory is joined, one that
// the store remembers is acknowledged.
func (l *loop) isAgain(it *item, stored bool) bool {
	if !it.hasSight() {
		return false
	}
	first, inMemory := l.seen.at[it.sight]
	switch {
	case inMemory && first.concluded:
		l.dropCopy(first.lane, it, false)
	case inMemory:
		first.more = append(first.more, it.first)
		c := l.edit(l.route) // counted now, acknowledged with the first one
		c.store.Ledger.Duplicates++
		c.taken++
	case stored:
		l.dropCopy(l.route, it, false)
	default:
		return false
	}
	return true
}

// know has a message that has arrived known until the store remembers it.
func (s *seen) know(it *item) {
	if !it.hasSight() {
		return
	}
	if s.at == nil {
		s.at = map[store.SeenPrint]*item{}
	}
	s.at[it.sight] = it
}

// hasSight reports whether a message can be recognised.
func (it *item) hasSight() bool { return it.sight != store.SeenPrint{} }

// remember has a change remember the message that it concludes.
func (c *change) remember(it *item) {
	if it.hasSight() && !it.concluded {
		it.concluded = true
		c.store.Seen = append(c.store.Seen, store.Sighting{Print: it.sight})
	}
}

// remembered forgets here what the store remembers now.
func (s *seen) remembered(c *change) {
	for i := range c.store.Seen {
		delete(s.at, c.store.Seen[i].Print)
	}
}
