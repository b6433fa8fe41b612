package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/policies"
)

// trial sends again, one by one, what was on its way when a message ended the
// channel: the one that ends it alone is to blame, and the others get through.
// They go on a connection of their own, because some end that too. Once it is
// found the rest is sent as usual: one message has ended the channel, no more.
type trial struct {
	t        *Target
	suspects []*parcel
	moved    atomic.Int64 // when the last verdict fell, in Unix nanoseconds

	link    *link
	ch      *amqp.Channel
	returns chan amqp.Return
	lost    chan *amqp.Error
}

// newTrial begins one; nil if there is no suspect.
func (t *Target) newTrial(suspects []*parcel) *trial {
	if len(suspects) == 0 {
		return nil
	}
	tr := &trial{t: t, suspects: suspects}
	tr.moved.Store(time.Now().UnixNano())
	for _, p := range suspects {
		p.judged = make(chan struct{})
	}
	t.work.Go(func() { tr.run(t.ctx) })
	return tr
}

func (tr *trial) run(ctx context.Context) {
	defer tr.hangUp()
	rest := tr.suspects
	defer func() {
		for _, p := range rest {
			close(p.judged)
		}
	}()
	for len(rest) > 0 && ctx.Err() == nil {
		p := rest[0]
		if p.dropped.Load() {
			close(p.judged)
			rest = rest[1:]
			continue
		}
		found, err := tr.try(ctx, p)
		if err != nil {
			return // nothing can be learned now
		}
		rest = rest[1:]
		tr.moved.Store(time.Now().UnixNano())
		close(p.judged)
		if found {
			return
		}
	}
}

// try sends one until its verdict is known, or nothing was for too long.
func (tr *trial) try(ctx context.Context, p *parcel) (found bool, err error) {
	var again pace.Pace
	for began := time.Now(); ; {
		tried := time.Now()
		if err = tr.connect(ctx); err == nil {
			found, err = tr.judge(ctx, p)
		}
		if err == nil || ctx.Err() != nil || time.Since(began) > tr.t.timeout {
			return found, err
		}
		tr.hangUp()
		select {
		case <-time.After(again.After(err, time.Since(tried))):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// connect makes sure that there is a channel.
func (tr *trial) connect(ctx context.Context) error {
	if tr.ch != nil && !tr.ch.IsClosed() {
		return nil
	}
	if tr.link == nil || tr.link.IsClosed() {
		l, err := tr.t.b.dial(ctx, tr.t.connectionName()+" (one by one)")
		if err != nil {
			return err
		}
		tr.link = l
	}
	ch, err := tr.link.Channel()
	if err != nil {
		return err
	}
	tr.ch = ch
	tr.returns = ch.NotifyReturn(make(chan amqp.Return, 1))
	tr.lost = ch.NotifyClose(make(chan *amqp.Error, 1))
	return ch.Confirm(false)
}

func (tr *trial) hangUp() {
	tr.link.hangUp()
	tr.link, tr.ch = nil, nil
}

// judge sends one message and gives it its verdict, if that can be known.
func (tr *trial) judge(ctx context.Context, p *parcel) (found bool, err error) {
	dc, err := tr.ch.PublishWithDeferredConfirm(p.exchange, p.key, true, false, p.Publishing)
	if err != nil {
		return false, err
	}
	timer := time.NewTimer(tr.t.timeout)
	defer timer.Stop()
	select {
	case <-dc.Done():
	case <-timer.C:
		return false, errLate
	case <-ctx.Done():
		return false, ctx.Err()
	}
	p.final = true
	switch {
	case len(tr.returns) > 0:
		r := <-tr.returns
		p.returned = fmt.Sprintf("%d %s", r.ReplyCode, r.ReplyText)
		p.verdict = tr.t.cameBack(p)
		return false, nil
	case dc.Acked():
		p.verdict = nil
		return false, nil
	case !tr.ch.IsClosed():
		p.verdict = policies.As(policies.Unavailable, errNacked)
		return false, nil
	}
	p.final = false
	cause := lostChannel(<-tr.lost)
	if !tr.t.blames(cause) {
		return false, cause
	}
	p.verdict, p.final = guilty(cause), true
	return true, nil
}

// after deals with what an outlet lost when it ended. It returns what is to be
// sent again as usual.
func (o *outlet) after(lost []*parcel, w *patience) (again []*parcel) {
	ended := w.await(o.ended)
	for _, p := range lost {
		err := ended
		if err == nil && p.judged != nil {
			err = o.trial.await(p, w)
		}
		switch {
		case err != nil:
			p.dropped.Store(true)
			*p.result = o.t.givenUp(err, "")
		case p.judged != nil && p.final:
			*p.result = p.verdict
			w.learned()
		default:
			again = append(again, p.renew())
		}
	}
	return again
}

// await waits for a verdict: the trial of others is no reason to lose patience.
func (tr *trial) await(p *parcel, w *patience) error {
	for {
		err := w.await(p.judged)
		if !errors.Is(err, errLate) || time.Since(time.Unix(0, tr.moved.Load())) > w.limit {
			return err
		}
		w.err = nil
		w.timer.Reset(w.limit)
	}
}
