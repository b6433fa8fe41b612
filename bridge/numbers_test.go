package bridge_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// TestComingBackIsCounted breaks the source of a route, which is no start, and has
// its breaker open and close.
func TestComingBackIsCounted(t *testing.T) {
	d := opened(t, memorystore.New(), plain, "one", "    breaker: { min: 1, open_for: 50ms }\n")
	await(t, "the source", func() bool { return d.route(t, "one").Sources[0].Up })
	if n := d.route(t, "one").Sources[0].Reconnects; n != 0 {
		t.Errorf("%d at the start", n)
	}
	for n := range int64(2) {
		d.in.Break("one")
		await(t, "the source to be back", func() bool { return d.route(t, "one").Sources[0].Reconnects == n+1 })
	}
	d.out.Fail("one", func(*message.Message) error { return policies.As(policies.Unavailable, errors.New("away")) })
	d.in.Put("one", event("a", 1))
	await(t, "an outage", func() bool { return d.route(t, "one").Turns["open"] > 1 })
	d.out.Fail("one", nil)
	await(t, "its end", func() bool { return d.route(t, "one").Turns["closed"] == 1 && d.route(t, "one").Ready() })
	if s := d.route(t, "one"); s.Turns["half-open"] < 1 || s.Counts.Confirmed != 1 || s.Counts.Failures["unavailable"] != 0 {
		t.Errorf("%v %+v", s.Turns, s.Counts)
	}
}

// blocking is a broker whose target says that it takes nothing, and that it does.
type blocking struct {
	*memory.Broker
	told func(error)
}

func (b *blocking) Target(to config.To, opts broker.TargetOptions) (broker.Target, error) {
	b.told = opts.State
	return b.Broker.Target(to, opts)
}

// TestABlockedConnectionIsToldFromALostOne: it is there, and takes nothing.
func TestABlockedConnectionIsToldFromALostOne(t *testing.T) {
	r := brokers()
	out := &blocking{Broker: r.out}
	r.run(t, watched, bridge.Options{Store: memorystore.New(), Brokers: map[string]broker.Broker{"in": r.in, "out": out}})
	await(t, "the start", func() bool { return r.route(t, "one").Ready() })
	out.told(fmt.Errorf("RabbitMQ %w: low on disk", broker.ErrBlocked))
	if s := r.route(t, "one"); !s.Target.Blocked || s.Ready() || s.Reason != "target: RabbitMQ blocks publishers: low on disk" {
		t.Errorf("%+v", s)
	}
	out.told(errors.New("gone"))
	if s := r.route(t, "one"); s.Target.Blocked || s.Target.Reconnects != 0 {
		t.Errorf("gone: %+v", s.Target)
	}
	out.told(nil)
	if s := r.route(t, "one"); s.Target.Blocked || s.Target.Reconnects != 1 || !s.Ready() {
		t.Errorf("back: %+v", s.Target)
	}
}

// TestWhatIsInMemoryIsHeldOrOnItsWay has the target keep one message and the order
// another one.
func TestWhatIsInMemoryIsHeldOrOnItsWay(t *testing.T) {
	d := opened(t, memorystore.New(), plain, "one", "")
	answer := make(chan error)
	d.out.Fail("one", func(*message.Message) error { return <-answer })
	d.in.Put("one", event("a", 1))
	await(t, "one on its way", func() bool { c := d.route(t, "one").Counts; return c.InMemory == 1 && c.Held == 0 })
	d.in.Put("one", event("a", 2))
	await(t, "one behind it", func() bool { c := d.route(t, "one").Counts; return c.InMemory == 2 && c.Held == 1 })
	close(answer)
	await(t, "both", func() bool {
		c := d.route(t, "one").Counts
		return c.InMemory == 0 && c.Held == 0 && c.Confirmed == 2 && c.Unaccounted == 0
	})
	if n, ok := d.Commits("one"); !ok || n.Count == 0 || n.Sum <= 0 {
		t.Errorf("commits: %+v, %v", n, ok)
	}
	if _, ok := d.Commits("none"); ok {
		t.Error("there is no such route")
	}
}

// TestTheOldestGapIsThatOfAKeyThatWaits: a dead letter is none.
func TestTheOldestGapIsThatOfAKeyThatWaits(t *testing.T) {
	t.Parallel()
	d := opened(t, memorystore.New(), plain, "one", "")
	d.out.Fail("one", func(m *message.Message) error {
		if m.Metadata["key"] == "dead" {
			return policies.As(policies.Permanent, errors.New("no"))
		}
		return nil
	})
	d.in.Put("one", event("dead", 1), event("dead", 2), event("a", 2))
	await(t, "all of it", func() bool {
		n := d.route(t, "one").Counts
		return n.Parked == 2 && n.Keys["gap_blocked"] == 1 && n.Keys["quarantined"] == 1
	})
	var since [2]int64
	await(t, "a look", func() bool {
		o := d.route(t, "one").Oldest
		if o == nil || o.Gap.IsZero() {
			return false
		}
		since = [2]int64{o.Parked.UnixNano(), o.Gap.UnixNano()}
		return true
	})
	if since[1] <= since[0] {
		t.Errorf("parked since %d, in a gap since %d: the dead letter counts as a gap", since[0], since[1])
	}
}

// TestOperationsAreCountedByState starts one that has nothing to do.
func TestOperationsAreCountedByState(t *testing.T) {
	d := opened(t, memorystore.New(), plain, "one", "")
	d.in.Put("one", message.NewMessage("x", nil))
	await(t, "a dead letter", func() bool { return d.route(t, "one").Counts.Dead == 1 })
	await(t, "an operation", func() bool {
		_, err := d.StartOperation(t.Context(), "one", api.Request{Action: "discard", By: "ann", Reason: "nobody needs it"})
		return err == nil
	})
	await(t, "its end", func() bool {
		n, err := d.OperationStates(t.Context(), "one")
		return err == nil && n["done"] == 1 && len(n) == 1
	})
}
