package ordering

import (
	"context"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// chunkBytes bounds the payloads of a chunk: what it goes to takes a megabyte at
// a time, by default.
const chunkBytes = 256 << 10

// member says where a message stands in a chunk.
type member struct {
	context.Context
	id *chunkID // nil: it goes alone
	at int
}

// chunkID is other than a pointer to an item: what follows must not keep in
// memory what went before it.
type chunkID struct{ _ byte }

type memberKey struct{}

func (m *member) Value(key any) any {
	if key == (memberKey{}) {
		return m
	}
	return m.Context.Value(key)
}

// Chunk says which chunk a message belongs to, and its place in there, from 0.
// The id is nil for one that goes alone. See Config.Chunk.
func Chunk(m *message.Message) (id any, at int) {
	if in, ok := m.Context().Value(memberKey{}).(*member); ok && in.id != nil {
		return in.id, in.at
	}
	return nil, 0
}

// gather appends the head of a lane and the revisions behind it that may be in
// one call with it.
func (l *loop) gather(items []*item, head *item) []*item {
	from := len(items)
	items = append(items, head)
	size := len(head.msg.Payload)
	most := l.reach(head)
	if most > 1 && head.origin == fromParked {
		l.refill(head, most-1)
	}
	for ; most > 1; most-- {
		it := l.follower(items[len(items)-1], chunkBytes-size)
		if it == nil {
			break
		}
		size += len(it.msg.Payload)
		it.rides = true
		items = append(items, it)
	}
	var id *chunkID
	if len(items)-from > 1 {
		id = new(chunkID)
	}
	for at, it := range items[from:] {
		l.prepare(it)
		it.awaited = false
		it.join(id, at)
		if l.cfg.Stamp && it.lane != nil {
			l.giveStamp(it, it.lane.stamp+1+lane.Revision(at))
		}
	}
	return items
}

// reach is how many messages a chunk may have that begins with a head. Where a
// chunk did not land as a whole, the next ones are short: one message may be to
// blame, and it would take the others with it until its turn comes.
func (l *loop) reach(head *item) int {
	if l.handler.Load().perCall == 1 || head.lane == nil || !head.mayShare() || !l.outage.since.IsZero() {
		return 1
	}
	most := min(l.cfg.Chunk, l.cfg.MaxAhead-int(head.lane.lane.Ahead()), int(min(l.cfg.MaxJump, 1<<20)))
	if short := head.lane.reach; short > 0 {
		most = min(most, short)
	}
	return most
}

// learn notes how much of a chunk landed. What lands as a whole doubles.
func (l *loop) learn(e *entry, landed, of int) {
	switch {
	case landed < of:
		e.reach = max(1, 2*landed)
	case e.reach > 0 && of >= e.reach:
		e.reach = 2 * of
	}
	if e.reach >= l.cfg.Chunk {
		e.reach = 0
	}
}

// mayShare reports whether a message may be in a chunk: one that failed before
// may fail again, and take the others with it.
func (it *item) mayShare() bool {
	return it.origin <= fromParked && it.storing == 0 && it.tries.Attempts == 0 && !it.foreign
}

// follower is the next revision, if it is in memory or read ahead, may go along,
// and is not larger than the room that is left.
func (l *loop) follower(it *item, room int) *item {
	e, next := it.lane, it.id.Revision+1
	fits := func(f *item) bool { return f.mayShare() && len(f.msg.Payload) <= room }
	if f, there := e.find(next); there {
		if fits(f) {
			return f
		}
		return nil
	}
	if it.origin != fromParked || len(e.cache) == 0 || e.cache[0].Rev != next {
		return nil
	}
	f := l.restore(e, e.cache[0], fromParked)
	if !fits(f) {
		return nil
	}
	return l.unpack(e, f)
}

// leave forgets a parked message that was brought into memory before its turn. It
// is read again, and so is what was read ahead with it, which begins behind it.
func (l *loop) leave(it *item) {
	it.lane.drop(it)
	l.uncache(it.lane)
}

// join notes in the message which chunk it is part of.
func (it *item) join(id *chunkID, at int) {
	ctx := it.msg.Context()
	if was, ok := ctx.(*member); ok {
		ctx = was.Context
	} else if id == nil && ctx.Value(memberKey{}) == nil {
		return
	}
	it.msg.SetContext(&member{ctx, id, at})
}

// chunkAt is how many items of a call belong together, from one on.
func (c *call) chunkAt(i int) int {
	n := 1
	for i+n < len(c.items) && c.items[i+n].rides {
		n++
	}
	return n
}

// landed notes what became of those that followed the head of a chunk. What the
// target has is not sent again when its turn comes; what it has not waits, as if
// it had not been tried.
func (l *loop) landed(chunk []*item, errs []error) {
	e, whole := chunk[0].lane, 0
	for whole < len(chunk) && errs[whole] == nil {
		whole++
	}
	l.learn(e, whole, len(chunk))
	for i, it := range chunk[1:] {
		it.rides = false
		it.awaited = isAwaited(errs[i+1])
		switch {
		case errs[i+1] == nil:
			it.span.Done()
			e.ahead = append(e.ahead, it.id.Revision)
		case it.origin == fromParked && it.storing == 0 && !it.awaited:
			l.leave(it)
		}
	}
	if len(e.ahead) > 0 && errs[0] != nil {
		l.log.Warn("the target took what follows a message that it did not take",
			"revision", chunk[0].id.Revision, "error", errs[0])
	}
}

// claim reports whether the target has a revision already whose turn has come now,
// and forgets that.
func (e *entry) claim(r lane.Revision) bool {
	i := slices.Index(e.ahead, r)
	if i < 0 {
		return false
	}
	e.ahead = slices.Delete(e.ahead, i, i+1)
	return true
}
