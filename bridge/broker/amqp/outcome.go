package amqp

import (
	"slices"
	"time"

	"github.com/brokerbridge/bridge/policies"
)

// collect gives the parcels of a bundle their results, and returns those whose
// outcome is lost.
func (o *outlet) collect(b *bundle, w *patience) (lost []*parcel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sweep()
	answered := false
	for _, p := range b.parcels {
		known, err := o.outcome(p)
		if !known {
			lost = append(lost, p)
			continue
		}
		answered = answered || err == nil
		*p.result = err
		o.settle(p)
	}
	if len(lost) < len(b.parcels) {
		w.learned()
	}
	if answered && o.block == "" {
		o.t.answered()
	}
	o.compact()
	o.wake.Signal()
	return lost
}

// outcome is what is known of a parcel. A confirm that says no counts while the
// channel is open: the client makes one up when it closes.
func (o *outlet) outcome(p *parcel) (known bool, err error) {
	switch {
	case p.returned != "":
		return true, o.t.cameBack(p)
	case p.dc == nil, o.astray: // what was confirmed may be what came back
		return false, nil
	}
	select {
	case <-p.dc.Done():
	default:
		return false, nil
	}
	switch {
	case p.dc.Acked():
		return true, nil
	case o.ch.IsClosed(): // looked at after the confirm, as it closes before
		return false, nil
	}
	return true, policies.As(policies.Unavailable, errNacked)
}

func (o *outlet) settle(p *parcel) {
	p.known = true
	o.open--
	o.bytes -= p.size()
}

// compact lets go of what is known. An outlet that has ended is left alone: its
// parcels may be on their way elsewhere.
func (o *outlet) compact() {
	if !o.over && len(o.flying) > 2*o.open+bundleParcels {
		o.flying = slices.DeleteFunc(o.flying, func(p *parcel) bool { return p.known })
	}
}

// giveUp gives the parcels of a bundle for which nobody waits any more an error,
// or what is known by now. Those that were written stay: if the same message is
// to be sent again while they are on their way, it is not.
func (o *outlet) giveUp(b *bundle, cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.t.givenUp(cause, o.block)
	if !b.taken {
		o.queue = slices.DeleteFunc(o.queue, func(q *bundle) bool { return q == b })
	}
	o.sweep()
	for _, p := range b.parcels {
		if known, outcome := o.outcome(p); known {
			*p.result = outcome
			o.settle(p)
			continue
		}
		*p.result = err
		if b.taken && !o.over {
			p.late = true
			o.late[p.MessageId] = append(o.late[p.MessageId], p)
		}
	}
	o.wake.Signal()
}

// adopt returns the parcels that are to be awaited, and those that are to be
// written. What is awaited instead of a parcel takes over its result. What has
// arrived meanwhile is in neither: its result is success.
func (o *outlet) adopt(ps []*parcel) (before, fresh []*parcel) {
	if len(o.late) == 0 && len(o.arrived.order) == 0 {
		return nil, ps
	}
	for _, p := range ps {
		if o.arrived.claim(p) {
			continue
		}
		candidates := o.late[p.MessageId]
		i := slices.IndexFunc(candidates, func(q *parcel) bool { return q.dc != nil && q.is(p) })
		if i < 0 {
			fresh = append(fresh, p)
			continue
		}
		q := candidates[i]
		q.result, q.late = p.result, false
		before = append(before, q)
		o.forget(p.MessageId, candidates, i)
	}
	return before, fresh
}

func (o *outlet) forget(id string, late []*parcel, i int) {
	if late = slices.Delete(late, i, i+1); len(late) > 0 {
		o.late[id] = late
	} else {
		delete(o.late, id)
	}
}

// reap lets go of those that became known though nobody waits for them. It is
// remembered which of them have arrived.
func (o *outlet) reap() {
	now := time.Now()
	o.arrived.trim(now)
	if len(o.late) == 0 || o.over {
		return
	}
	var done []*parcel
	answered := false
	for _, late := range o.late {
		for _, p := range late {
			if known, _ := o.outcome(p); known {
				done = append(done, p)
			}
		}
	}
	o.sweep() // after: what is done has its return in here
	for _, p := range done {
		o.settle(p)
		o.forget(p.MessageId, o.late[p.MessageId], slices.Index(o.late[p.MessageId], p))
		if known, err := o.outcome(p); known && err == nil {
			o.arrived.add(p, now)
			answered = true
		}
	}
	if answered && o.block == "" {
		o.t.answered()
	}
	o.compact()
}
