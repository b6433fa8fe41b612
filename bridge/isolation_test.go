package bridge_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
	"github.com/brokerbridge/bridge/policies"
)

// TestI6_TargetsTroubleIsItsRoutesOwn: two routes share a process, a store and
// their brokers. Whatever one's target does, the other moves everything
// meanwhile, and the first goes on by itself when it is over.
func TestI6_TargetsTroubleIsItsRoutesOwn(t *testing.T) {
	for name, trouble := range map[string]func(over <-chan struct{}) error{
		"down": func(<-chan struct{}) error { return policies.As(policies.Unavailable, errors.New("away")) },
		"slow": func(over <-chan struct{}) error {
			select {
			case <-over:
			case <-time.After(200 * time.Millisecond):
			}
			return nil
		},
		"stuck":   func(over <-chan struct{}) error { <-over; return nil },
		"failing": func(<-chan struct{}) error { return policies.As(policies.Transient, errors.New("no")) },
	} {
		t.Run(name, func(t *testing.T) { isolated(t, trouble) })
	}
}

func isolated(t *testing.T, trouble func(over <-chan struct{}) error) {
	s, err := pebble.Open(t.TempDir(), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	r := brokers()
	// The tries of what fails last longer than the test.
	r.run(t, replace(t, topology, "attempts: 3, initial: 10ms, max: 20ms", "attempts: 1000, initial: 10ms, max: 20ms"), bridge.Options{Store: s})
	over := make(chan struct{})
	r.out.Fail("one", func(*message.Message) error {
		select {
		case <-over:
			return nil
		default:
			return trouble(over)
		}
	})
	const keys, revs = 100, 20
	for rev := 1; rev <= revs; rev++ {
		for k := range keys {
			r.in.Put("one", event(fmt.Sprint(k), rev))
			r.in.Put("two", event(fmt.Sprint(k), rev))
		}
	}
	await(t, "the other route", func() bool {
		c := r.route(t, "two").Counts
		return c.Delivered == keys*revs && c.InMemory == 0 && c.Unaccounted == 0
	})
	if s := r.route(t, "two"); !s.Ready() || s.Counts.Dead+s.Counts.Parked+s.Counts.Failures["transient"] != 0 {
		t.Errorf("the other route noticed: %+v", s)
	}
	if c := r.route(t, "one").Counts; c.Delivered > keys*revs/2 {
		t.Errorf("there was no trouble: %+v", c)
	}
	close(over)
	await(t, "the backlog", func() bool {
		c := r.route(t, "one").Counts
		return c.Delivered == keys*revs && c.InMemory == 0 && c.Parked == 0 && c.Unaccounted == 0
	})
	if c := r.route(t, "one").Counts; c.DeadEver != 0 {
		t.Errorf("given up: %+v", c)
	}
	for k := range keys {
		for i, rev := range r.revisions("one", fmt.Sprint(k)) {
			if rev != fmt.Sprint(i+1) {
				t.Fatalf("I2: key %d: revision %s at %d", k, rev, i)
			}
		}
	}
	if err := r.stop(); err != nil { // before the store closes
		t.Error(err)
	}
}
