package amqp

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

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
// written. What is awaited instead of a parcel takes over its result.
func (o *outlet) adopt(ps []*parcel) (before, fresh []*parcel) {
	if len(o.late) == 0 {
		return nil, ps
	}
	for _, p := range ps {
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

// reap lets go of those that became known though nobody waits for them.
func (o *outlet) reap() {
	if len(o.late) == 0 || o.over {
		return
	}
	var done []*parcel
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
	}
	o.compact()
}

// sweep marks the parcels that came back.
func (o *outlet) sweep() {
	for {
		select {
		case r, ok := <-o.returns:
			if !ok {
				return
			}
			o.mark(&r)
		default:
			return
		}
	}
}

// mark finds the parcel that came back. RabbitMQ does not say which it was, but
// they come back in the order in which they were sent: it is the first that has
// all that came back. If there are several alike, it does not matter which is
// said to have failed: neither can be told from the other anywhere.
func (o *outlet) mark(r *amqp.Return) {
	for _, p := range o.flying {
		if !p.known && p.returned == "" && p.cameAs(r) {
			p.returned = fmt.Sprintf("%d %s", r.ReplyCode, r.ReplyText)
			o.suspect(p)
			return
		}
	}
	o.astray = true
	select {
	case o.stray <- struct{}{}:
	default:
	}
}

// suspect has the target looked for, if what came back says that it is gone.
func (o *outlet) suspect(p *parcel) {
	switch {
	case !p.own || p.chosen:
	case p.exchange != "":
		o.t.doubtful(o.t.unbound(p.key))
	default:
		select {
		case o.doubt <- struct{}{}:
		default:
		}
	}
}

// cameAs reports whether a message that came back may be this one. RabbitMQ may
// have added to its headers.
func (p *parcel) cameAs(r *amqp.Return) bool {
	if p.key != r.RoutingKey || p.exchange != r.Exchange || p.MessageId != r.MessageId || !bytes.Equal(p.Body, r.Body) {
		return false
	}
	for name, v := range p.Headers {
		got, there := r.Headers[name]
		if !there || !equal(v, got) {
			return false
		}
	}
	return true
}

// equal compares values of a table.
func equal(a, b any) bool {
	switch a := a.(type) {
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Unix() == b.Unix()
	case float32:
		b, ok := b.(float32)
		return ok && math.Float32bits(a) == math.Float32bits(b)
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case amqp.Table:
		b, ok := b.(amqp.Table)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, v := range a {
			if w, there := b[name]; !there || !equal(v, w) {
				return false
			}
		}
		return true
	}
	return a == b
}
