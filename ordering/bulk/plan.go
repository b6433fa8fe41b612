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
	Keys     int64 // different ones, counted up to 100,000 and for a moment
	MoreKeys bool  // than that

	// Looked is how many of the messages were looked at one by one, up to 10,000 and for
	// a moment; what follows is about those.
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
	planTime   = 100 * time.Millisecond
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

// measure counts messages and keys. Where the store has counted the messages, it stops
// when it has counted keys for long enough.
func (r *Runner) measure(ctx context.Context, op *store.Operation) (p Plan, err error) {
	counted, err := r.counted(ctx, &op.Selection)
	if err != nil {
		return p, err
	}
	keys, began := map[string]struct{}{}, time.Now()
	count := func(b *store.Brief) bool {
		p.Messages++
		if counted > p.Messages && time.Since(began) > planTime {
			p.Messages, p.MoreKeys = counted, true
			return false
		}
		if b.Key == "" {
			return true
		}
		if _, known := keys[b.Key]; !known && len(keys) == mostKeys {
			p.MoreKeys = true
			return true
		}
		keys[b.Key] = struct{}{}
		return true
	}
	err = r.each(ctx, op, count)
	p.Keys = int64(len(keys))
	return p, err
}

// counted is how many dead letters the store says there are of a group, or in all; 0:
// that is not known of a selection, or there are none.
func (r *Runner) counted(ctx context.Context, s *store.Selection) (n int64, err error) {
	if len(s.IDs) > 0 || s.Key != "" || s.Reason != "" || !s.Since.IsZero() || !s.Until.IsZero() {
		return 0, nil
	}
	var groups []store.Group
	if s.Fingerprint == "" {
		var l store.Ledger
		l, err = r.cfg.Store.Ledger(ctx, r.cfg.Route)
		n = l.Dead
	} else if groups, err = r.cfg.Store.Groups(ctx, r.cfg.Route); err == nil {
		for _, g := range groups {
			if g.Fingerprint == s.Fingerprint {
				n = g.Dead
			}
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return n, err
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
	began := time.Now()
	for place, over := "", false; !over && p.Looked < mostLooked && (p.Looked == 0 || time.Since(began) < planTime); {
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
