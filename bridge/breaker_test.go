package bridge_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// TestBreakerSaysWhyItOpened shows why the breaker of a route is open and when it
// asks again, and remembers that after it has closed.
func TestBreakerSaysWhyItOpened(t *testing.T) {
	r := start(t, memorystore.New())
	r.out.Fail("one", func(*message.Message) error {
		return policies.As(policies.Unavailable, errors.New("not enough replicas"))
	})
	for rev := 1; rev <= 20; rev++ {
		r.in.Put("one", event("a", rev), event("b", rev), event("c", rev), event("d", rev), event("e", rev), event("f", rev))
	}
	await(t, "the trip", func() bool {
		trip := r.route(t, "one").Trip
		return trip != nil && strings.Contains(trip.Why, "not enough replicas") &&
			!trip.At.IsZero() && trip.Probe.After(trip.At) && trip.Probe.Before(trip.At.Add(time.Minute))
	})
	if trip := r.route(t, "two").Trip; trip != nil {
		t.Errorf("the other route: %+v", trip)
	}
	r.out.Fail("one", nil)
	await(t, "the backlog", func() bool { return len(r.revisions("one", "f")) == 20 && r.route(t, "one").Trip == nil })

	shifts := r.BreakerHistory("one")
	states := []string{}
	for _, s := range shifts {
		states = append(states, s.State)
	}
	if len(shifts) < 3 || len(shifts) > 20 || !slices.Equal(states[:3], []string{"closed", "half-open", "open"}) {
		t.Fatalf("newest first: %+v", shifts)
	}
	if !strings.Contains(shifts[2].Why, "not enough replicas") || shifts[0].Why != "" || shifts[1].Why != "" {
		t.Errorf("an open breaker says why: %+v", shifts)
	}
	if !slices.IsSortedFunc(shifts, func(a, b api.Breaker) int { return b.At.Compare(a.At) }) {
		t.Errorf("not newest first: %+v", shifts)
	}
	if others := r.BreakerHistory("two"); len(others) != 0 {
		t.Errorf("the other route: %+v", others)
	}
}
