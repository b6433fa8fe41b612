package bulk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Plan is what an operation would do.
type Plan struct {
	Messages int64
	Keys     int64 // different ones, counted up to 100,000
	MoreKeys bool  // than that

	// Looked is how many of the messages were looked at one by one, up to 10,000; what
	// follows is about those.
	Looked  int64
	Blocked int64 // a key waits for it: it goes at its place in the order
	Parked  int64 // messages that wait behind those and follow
	Arrive  int64 // it belongs to no lane: it goes like a message of the source
	Beside  int64 // it goes out of order
	Refused int64 // it stays a dead letter
	Refusal string

	Takes time.Duration // at the rate that was asked for; 0: as fast as the target takes them
}

const (
	mostKeys   = 100_000
	mostLooked = 10_000
	lookAtOnce = 100 // in one go of the route's loop
)

// Plan says what an operation would do, changing nothing.
func (r *Runner) Plan(ctx context.Context, q Request) (Plan, error) {
	if q.Reason == "" {
		q.Reason = "a plan"
	}
	if err := q.check(); err != nil {
		return Plan{}, err
	}
	op := store.Operation{Route: r.cfg.Route, Action: string(q.Action), Selection: q.Selection, OutOfOrder: q.OutOfOrder, Began: time.Now()}
	p, err := r.measure(ctx, &op)
	if err != nil {
		return p, err
	}
	if q.Rate > 0 {
		p.Takes = time.Duration(float64(p.Messages) / q.Rate * float64(time.Second))
	}
	return p, r.look(ctx, &op, &p)
}

// measure counts messages and keys.
func (r *Runner) measure(ctx context.Context, op *store.Operation) (p Plan, err error) {
	keys := map[string]struct{}{}
	count := func(b *store.Brief) {
		p.Messages++
		if b.Key == "" {
			return
		}
		if _, known := keys[b.Key]; !known && len(keys) == mostKeys {
			p.MoreKeys = true
			return
		}
		keys[b.Key] = struct{}{}
	}
	err = r.each(ctx, op, count)
	p.Keys = int64(len(keys))
	return p, err
}

// look finds out how each of the first would go.
func (r *Runner) look(ctx context.Context, op *store.Operation, p *Plan) error {
	if p.Messages == 0 {
		return nil
	}
	seq := r.cfg.Resequencer()
	if seq == nil {
		return fmt.Errorf("%w: whether and how each message could go is not known", ErrNotRunning)
	}
	j := newJob(r, *op)
	for place, over := "", false; !over && p.Looked < mostLooked; {
		page, at, last, err := j.pageOf(ctx, op, place, lookAtOnce)
		if err != nil {
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		}
		ways, err := seq.Ways(ctx, page, op.OutOfOrder)
		if err != nil {
			return err
		}
		for i := range ways {
			p.add(op.Action, &ways[i])
		}
		place, over = at, last
	}
	return nil
}

func (p *Plan) add(action string, w *ordering.Way) {
	p.Looked++
	switch {
	case w.Blocks:
		p.Blocked++
		p.Parked += int64(w.Parked)
	case action != string(ordering.ActRedrive): // nothing waits for it
		p.Arrive++
	case w.Err != nil:
		p.Refused++
		p.Refusal = w.Err.Error()
	case w.InOrder:
		p.Arrive++
	default:
		p.Beside++
	}
}
