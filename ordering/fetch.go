package ordering

import (
	"context"
	"errors"
	"slices"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

const (
	readAhead      = 64       // parked messages read at once for a lane
	leastAhead     = 2        // what a lane needs: its head, and what comes above it
	mostReadAhead  = 16_384   // messages over all lanes; beyond, leastAhead of each
	mostBytesAhead = 64 << 20 // as above, with their metadata
)

// cached is how much was read ahead, over all lanes.
type cached struct {
	rows, bytes int
	widest      int // bytes of the largest message in the last reading
}

// room is how many messages may be read for a lane now.
func (c *cached) room() int {
	if c.rows > mostReadAhead {
		return leastAhead
	}
	fit := (mostBytesAhead - c.bytes) / max(c.widest, 1)
	return min(max(fit, leastAhead), readAhead)
}

// keep counts what was read and returns what of it is kept: messages may be
// larger than the last ones let expect.
func (c *cached) keep(rows []store.Message) []store.Message {
	c.widest = 0
	for i := range rows {
		n := sizeOf(&rows[i])
		if i >= leastAhead && c.bytes+n > mostBytesAhead {
			rows = slices.Clone(rows[:i]) // lets the rest go
			break
		}
		c.bytes += n
		c.widest = max(c.widest, n)
	}
	c.rows += len(rows)
	return rows
}

// drop counts messages that are read ahead no longer.
func (c *cached) drop(rows ...store.Message) {
	c.rows -= len(rows)
	for i := range rows {
		c.bytes -= sizeOf(&rows[i])
	}
}

// sizeOf is about what a message takes in memory.
func sizeOf(m *store.Message) int {
	n := len(m.ID) + len(m.Payload)
	for k, v := range m.Metadata {
		n += len(k) + len(v)
	}
	return n + m.Log.Size()
}

// fetch brings the next message of a lane into memory, from where it is parked
// or from the dead letters.
func (l *loop) fetch(e *entry, dead bool) {
	if l.stopping && !slices.Contains(e.ahead, e.lane.Next) {
		return
	}
	ev, err := lane.Event{}, error(nil)
	if dead {
		ev, err = l.fetchDead(e)
	} else {
		ev, err = l.fetchParked(e)
	}
	if err != nil {
		l.retake = append(l.retake, e)
		l.storeTrouble(err)
		return
	}
	ev.At = l.now
	l.step(e, nil, ev)
}

// fetchParked finds the next revision among what is being stored, what was read
// ahead, or in the store.
func (l *loop) fetchParked(e *entry) (lane.Event, error) {
	r := e.lane.Next
	ev := lane.Event{Kind: lane.Fetched, Rev: r}
	it, there := e.find(r)
	ev.To = e.parkedAbove(r)
	if there && ev.To == r+1 {
		ev.Print = it.print
		return ev, nil
	}
	above, err := l.readParked(e, r, !there)
	if err != nil {
		return ev, err
	}
	if !there {
		if len(e.cache) == 0 || e.cache[0].Rev != r {
			ev.Kind = lane.Missing
			return ev, nil
		}
		it = l.unpack(e, l.restore(e, e.cache[0], fromParked))
	}
	ev.Print = it.print
	if above != 0 && (ev.To == 0 || above < ev.To) {
		ev.To = above
	}
	return ev, nil
}

// unpack has an item take the place of the first message that was read ahead, of
// which it was made.
func (l *loop) unpack(e *entry, it *item) *item {
	l.cached.drop(e.cache[0])
	e.cache[0] = store.Message{}
	e.cache = e.cache[1:]
	e.keep(it)
	return it
}

// readParked makes sure that r (if wanted) and the revision stored above it are
// read, and returns the latter, 0 if there is none.
func (l *loop) readParked(e *entry, r lane.Revision, wanted bool) (lane.Revision, error) {
	if wanted && len(e.cache) >= 2 && e.cache[0].Rev == r {
		return e.cache[1].Rev, nil
	}
	if !wanted && len(e.cache) >= 1 && e.cache[0].Rev > r {
		return e.cache[0].Rev, nil
	}
	l.uncache(e)
	from := r
	if !wanted {
		from++
	}
	rows, err := l.readRows(e, from, l.cached.room())
	if err != nil {
		return 0, err
	}
	e.cache = rows
	if wanted && len(rows) > 0 && rows[0].Rev == r {
		rows = rows[1:]
	}
	if len(rows) == 0 {
		return 0, nil
	}
	return rows[0].Rev, nil
}

// refill reads the parked messages that may go along with a head that leaves now:
// up to so many, for what is read ahead is shared by all lanes, and of many each
// has next to nothing. If it fails, they are read when their turn comes.
func (l *loop) refill(head *item, most int) {
	e := head.lane
	n := len(e.cache)
	if n == 0 || n >= most || e.lane.Parked <= n+1 || e.cache[n-1].Rev != head.id.Revision+lane.Revision(n) {
		return
	}
	most = min(most-n, max(chunkBytes/max(l.cached.widest, 1), 1))
	if rows, err := l.readRows(e, e.cache[n-1].Rev+1, most); err == nil {
		e.cache = append(e.cache, rows...)
	}
}

// readRows reads up to so many parked messages of a lane, to be read ahead, but
// not those that are on their way out.
func (l *loop) readRows(e *entry, from lane.Revision, most int) ([]store.Message, error) {
	rows, err := l.cfg.Store.Parked(context.Background(), e.key, from, most)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(m store.Message) bool { return e.unparking(m.Rev) })
	return l.cached.keep(rows), nil
}

// uncache forgets what was read ahead of a lane.
func (l *loop) uncache(e *entry) {
	l.cached.drop(e.cache...)
	e.cache = nil
}

// fetchDead finds the dead letter at which a lane stands.
func (l *loop) fetchDead(e *entry) (lane.Event, error) {
	r := e.lane.Next
	id := l.deadID(e, r)
	d, err := l.cfg.Store.DeadLetter(context.Background(), l.cfg.Route, id)
	if errors.Is(err, store.ErrNotFound) {
		return lane.Event{Kind: lane.Missing, Rev: r}, nil
	}
	if err != nil {
		return lane.Event{}, err
	}
	it := l.restore(e, d.Message, fromDead)
	it.dead = id
	it.redriven()
	e.keep(it)
	return lane.Event{Kind: lane.Fetched, Rev: r, Print: it.print}, nil
}
