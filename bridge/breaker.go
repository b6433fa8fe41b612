package bridge

import (
	"slices"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/policies"
)

// maxShifts is how many changes of a breaker are remembered.
const maxShifts = 20

// breakerIs hears of each change of the breaker, and that a new run begins with a
// closed one. Why is the last failure that counted.
func (f *face) breakerIs(s policies.State, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.shifts)
	if n == 0 && s == policies.Closed || n > 0 && f.shifts[n-1].State == s.String() {
		return
	}
	if n == maxShifts {
		f.shifts = slices.Delete(f.shifts, 0, 1)
	}
	change := api.Breaker{At: time.Now(), State: s.String()}
	if s == policies.Open {
		change.Why = why
	}
	f.shifts = append(f.shifts, change)
}

// tripOf is why a breaker is not closed; nil: it is.
func tripOf(b *policies.Breaker) *status.Trip {
	trip, open := b.Trip()
	if !open {
		return nil
	}
	return &status.Trip{At: trip.At, Why: text(trip.Err), Probe: trip.Probe}
}

// BreakerHistory is the last changes of a route's breaker since the process
// started, newest first, at most 20. None: it was always closed, or there is no
// such route.
func (b *Bridge) BreakerHistory(route string) []api.Breaker {
	r := b.route(route)
	if r == nil {
		return nil
	}
	r.face.mu.Lock()
	defer r.face.mu.Unlock()
	newest := slices.Clone(r.face.shifts)
	slices.Reverse(newest)
	return newest
}
