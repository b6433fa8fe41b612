package alarm

import (
	"context"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
)

// facts are what limits are compared with.
type facts struct {
	status.Oldest
	now         time.Time
	ledger      store.Ledger
	quarantined int64
}

// facts asks the store: its counts, and the first of what has an order by time.
func (w *Watch) facts(ctx context.Context) (f facts, err error) {
	if f.ledger, err = w.Store.Ledger(ctx, w.Route); err != nil {
		return f, err
	}
	f.now, f.quarantined = time.Now(), w.Quarantined(ctx)
	if f.ledger.Dead > 0 {
		for b, err := range w.Store.Briefs(ctx, store.Query{Route: w.Route, Limit: 1}) {
			if err != nil {
				return f, err
			}
			f.DeadLetter = b.At
		}
	}
	if f.ledger.OpenSkips > 0 {
		for s, err := range w.Store.OpenSkips(ctx, w.Route, store.OpenSkip{}) {
			if err != nil {
				return f, err
			}
			f.Skip = s.At
			break
		}
	}
	f.Parked, f.Gap, err = w.parked.since(ctx, w, f)
	return f, err
}

const (
	// What has an order by key only is read whole: seldom, and never for more than a
	// small part of the time.
	parkedEvery = 30 * time.Second
	parkedShare = 20
)

// parked is since when keys with messages in the store are as they are, and those
// that wait for a revision, as it was seen last.
type parked struct {
	first, gap time.Time
	next       time.Time // the next look
}

func (p *parked) since(ctx context.Context, w *Watch, f facts) (first, gap time.Time, err error) {
	if f.ledger.Parked == 0 {
		*p = parked{}
		return first, gap, nil
	}
	if f.now.Before(p.next) {
		return p.first, p.gap, nil
	}
	for r, err := range w.Store.Lanes(ctx, store.Query{Route: w.Route, Blocked: true}) {
		switch {
		case err != nil:
			return first, gap, err
		case r.State.Parked == 0 || r.Since.IsZero():
			continue
		case strings.HasPrefix(r.State.Mode.String(), "gap"): // also one whose time is over
			gap = earlier(gap, r.Since)
		}
		first = earlier(first, r.Since)
	}
	took := time.Since(f.now)
	p.first, p.gap, p.next = first, gap, f.now.Add(max(parkedEvery, parkedShare*took))
	return first, gap, nil
}

// earlier is the first of two times, of which one may be unknown.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
