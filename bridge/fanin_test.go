package bridge_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/status"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
)

// fanIn is one route of two queues of one broker and one of another.
const fanIn = `
brokers:
  in: { memory: {} }
  other: { memory: {} }
  out: { memory: {} }
store: { memory: {} }
admin: { listen: off }
routes:
  - name: one
    from:
      - { broker: in, queue: one, window: 100 }
      - { broker: in, queue: two, window: 100 }
      - { broker: other, queue: one, window: 100 }
    to: { broker: out, queue: one }
    order:
      by: revision
      key: header.key
      revision: header.revision
      first: 1
      gap: { hold: 20ms, timeout: 200ms, then: quarantine }
`

// fannedIn is a rig with a broker more.
type fannedIn struct {
	*rig
	other *memory.Broker
}

func startFanIn(t *testing.T, create bool) fannedIn {
	t.Helper()
	r := fannedIn{brokers(), memory.New("other", nil)}
	if create {
		r.other.Create("one")
	}
	r.run(t, fanIn, bridge.Options{
		Store:   memorystore.New(),
		Brokers: map[string]broker.Broker{"in": r.in, "out": r.out, "other": r.other},
	})
	return r
}

// put puts a message into one of the three queues.
func (r fannedIn) put(queue int, m *message.Message) {
	switch queue {
	case 0:
		r.in.Put("one", m)
	case 1:
		r.in.Put("two", m)
	default:
		r.other.Put("one", m)
	}
}

// TestFanIn_OneOrder: the revisions of a key come from several queues of several
// brokers, and leave in one order; each delivery is acknowledged where it came
// from, also after its connection was lost.
func TestFanIn_OneOrder(t *testing.T) {
	r := startFanIn(t, true)
	rng := rand.New(rand.NewPCG(1, 2))
	const keys, revs = 10, 120
	for rev := 1; rev <= revs; rev++ {
		for k := range keys {
			r.put(rng.IntN(3), event(strconv.Itoa(k), rev))
		}
		if rev%30 == 0 {
			r.in.Break("two")
			r.other.Break("one")
		}
	}
	await(t, "everything", func() bool {
		c := r.route(t, "one").Counts
		return c.Delivered == keys*revs && c.InMemory == 0 && c.Parked == 0 && c.Unaccounted == 0
	})
	for k := range keys {
		got := r.revisions("one", strconv.Itoa(k))
		for i, rev := range got {
			if rev != strconv.Itoa(i+1) {
				t.Fatalf("I2: key %d: %v", k, got)
			}
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	// What was not acknowledged would be back.
	if n := len(r.in.Messages("one")) + len(r.in.Messages("two")) + len(r.other.Messages("one")); n != 0 {
		t.Errorf("%d messages were not acknowledged", n)
	}
}

// TestFanIn_OneSourceDown: while one of several sources is away, what is missing
// may be in it: no gap expires, and the route says which source it waits for.
func TestFanIn_OneSourceDown(t *testing.T) {
	r := startFanIn(t, false)
	await(t, "the reason", func() bool {
		s := r.route(t, "one")
		return s.State == status.Waiting && s.Reason != "source: not connected yet" && s.Sources[0].Up && s.Sources[1].Up && !s.Sources[2].Up
	})
	r.put(0, event("a", 1))
	r.put(0, event("a", 3))
	await(t, "the gap", func() bool { return r.route(t, "one").Counts.Keys["gap"] == 1 })
	time.Sleep(3 * time.Second) // more than ten timeouts
	if keys := r.route(t, "one").Counts.Keys; keys["gap"] != 1 {
		t.Fatalf("rule 7: the gap's clock ran while a source was away: %v", keys)
	}
	r.other.Create("one")
	await(t, "the gap to expire, with all sources there", func() bool { return r.route(t, "one").Counts.Keys["gap_blocked"] == 1 })
	r.put(2, event("a", 2))
	await(t, "all three", func() bool { return len(r.revisions("one", "a")) == 3 && r.route(t, "one").Ready() })
}

// TestFanIn_PauseIsForAll: an operator's pause shuts every source, and a resume
// opens all.
func TestFanIn_PauseIsForAll(t *testing.T) {
	r := startFanIn(t, true)
	await(t, "the start", func() bool { return r.route(t, "one").Ready() })
	if _, err := r.Pause(t.Context(), "one", api.Change{By: "ann", Reason: "deploy"}); err != nil {
		t.Fatal(err)
	}
	for q := range 3 {
		r.put(q, event("k", q+1))
	}
	time.Sleep(200 * time.Millisecond)
	if n := r.route(t, "one").Counts.Received; n != 0 {
		t.Errorf("%d messages were taken from a paused route", n)
	}
	if _, err := r.Resume(t.Context(), "one", api.Change{By: "ann", Reason: "done"}); err != nil {
		t.Fatal(err)
	}
	await(t, "all three", func() bool { return len(r.revisions("one", "k")) == 3 })
}
