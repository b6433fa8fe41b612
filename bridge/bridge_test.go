package bridge_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topology = `
brokers:
  in: { memory: {} }
  out: { memory: {} }
store: { memory: {} }
admin: { listen: off }
defaults:
  retry: { attempts: 3, initial: 10ms, max: 20ms }
  breaker: { min: 5, open_for: 100ms }
routes:
  - name: one
    from: { broker: in, queue: one }
    to: { broker: out, topic: one }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
  - name: two
    from: { broker: in, queue: two }
    to: { broker: out, topic: two }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
`

// rig is a bridge between two brokers inside this process.
type rig struct {
	*bridge.Bridge
	in, out *memory.Broker
	stop    func() error
}

func start(t *testing.T, s store.Store) *rig {
	t.Helper()
	r := brokers()
	r.run(t, topology, bridge.Options{Store: s})
	return r
}

// brokers are those of a rig, with the queues one and two.
func brokers() *rig {
	r := &rig{in: memory.New("in", nil), out: memory.New("out", nil)}
	for _, q := range []string{"one", "two"} {
		r.in.Create(q)
		r.out.Create(q)
	}
	return r
}

// run runs a topology between the brokers of the rig, or those of the options.
func (r *rig) run(t *testing.T, text string, opts bridge.Options) {
	t.Helper()
	f, err := config.Parse("topology.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Brokers == nil {
		opts.Brokers = map[string]broker.Broker{"in": r.in, "out": r.out}
	}
	if r.Bridge, err = bridge.New(f, opts); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	b := r.Bridge
	go func() { done <- b.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	stop := r.stop
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		_, _, _ = b.Close(), r.in.Close(), r.out.Close()
	})
}

func event(key string, rev int) *message.Message {
	m := message.NewMessage(fmt.Sprintf("%s-%d", key, rev), []byte(strconv.Itoa(rev)))
	m.Metadata["key"], m.Metadata["revision"] = key, strconv.Itoa(rev)
	return m
}

// revisions are what came out of a route, of one key.
func (r *rig) revisions(queue, key string) []string {
	var got []string
	for _, m := range r.out.Messages(queue) {
		if m.Metadata["key"] == key {
			got = append(got, m.Metadata["revision"])
		}
	}
	return got
}

func (r *rig) route(t *testing.T, name string) status.Route {
	t.Helper()
	for _, s := range r.Status(t.Context()) {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no route %q", name)
	return status.Route{}
}

func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestRoutesRunInOrder(t *testing.T) {
	r := start(t, memorystore.New())
	r.in.Put("one", event("a", 2), event("a", 1), event("a", 2), event("a", 3))
	await(t, "three", func() bool { return slices.Equal(r.revisions("one", "a"), []string{"1", "2", "3"}) })
	m := r.out.Messages("one")[0]
	for name, want := range map[string]string{
		broker.HeaderMessageID: "a-1", broker.HeaderKey: "a", broker.HeaderRevision: "1", broker.HeaderHops: "1",
	} {
		if m.Metadata[name] != want {
			t.Errorf("%s is %q, want %q", name, m.Metadata[name], want)
		}
	}
	await(t, "the books", func() bool {
		c := r.route(t, "one").Counts
		return c.Received == 4 && c.Delivered == 3 && c.Duplicates == 1 && c.Unaccounted == 0 && c.InMemory == 0
	})
}

// TestR3_ARouteRestartsAlone takes one route's connection away again and again;
// the other one never notices.
func TestR3_ARouteRestartsAlone(t *testing.T) {
	r := start(t, memorystore.New())
	for rev := 1; rev <= 50; rev++ {
		r.in.Put("one", event("a", rev))
		r.in.Put("two", event("b", rev))
		if rev%10 == 0 {
			r.in.Break("one")
		}
	}
	await(t, "both", func() bool { return len(r.revisions("one", "a")) == 50 && len(r.revisions("two", "b")) == 50 })
	if s := r.route(t, "two"); s.Counts.Received != 50 || !s.Ready() {
		t.Errorf("the other route noticed: %+v", s)
	}
}

// TestOutageIsNotPoison keeps one route's target away: that route waits and says
// so, the other one runs, and nothing is given up.
func TestOutageIsNotPoison(t *testing.T) {
	r := start(t, memorystore.New())
	r.out.Fail("one", func(*message.Message) error {
		return policies.As(policies.Unavailable, fmt.Errorf("not enough replicas"))
	})
	for rev := 1; rev <= 20; rev++ {
		r.in.Put("one", event("a", rev), event("b", rev), event("c", rev), event("d", rev), event("e", rev), event("f", rev))
		r.in.Put("two", event("a", rev))
	}
	await(t, "the other route", func() bool { return len(r.revisions("two", "a")) == 20 })
	await(t, "the reason", func() bool {
		s := r.route(t, "one")
		return s.State == status.Waiting && strings.Contains(s.Reason, "target")
	})
	r.out.Fail("one", nil)
	await(t, "the backlog", func() bool { return len(r.revisions("one", "f")) == 20 && r.route(t, "one").Ready() })
	if c := r.route(t, "one").Counts; c.DeadEver != 0 || c.Failures["transient"] != 0 {
		t.Errorf("%+v", c)
	}
}

// TestD10_Loop stops a message that has passed too many bridges.
func TestD10_Loop(t *testing.T) {
	s := memorystore.New()
	r := start(t, s)
	m := event("a", 1)
	m.Metadata[broker.HeaderHops] = "16"
	r.in.Put("one", m)
	await(t, "the dead letter", func() bool {
		for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "one"}) {
			return err == nil && d.Reason == "loop"
		}
		return false
	})
}

// TestW8_StopIsQuick stops while a target is away: nothing is given up, and what
// was in hand goes on after a restart.
func TestW8_StopIsQuick(t *testing.T) {
	s := memorystore.New()
	r := start(t, s)
	r.out.Fail("one", func(*message.Message) error {
		return policies.As(policies.Unavailable, fmt.Errorf("away"))
	})
	r.in.Put("one", event("a", 1), event("a", 2), event("b", 1))
	await(t, "the first try", func() bool { return r.route(t, "one").Counts.Received == 3 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = start(t, s)
	await(t, "what was parked", func() bool { return len(r.revisions("one", "a")) == 2 && len(r.revisions("one", "b")) == 1 })
	if c := r.route(t, "one").Counts; c.DeadEver != 0 {
		t.Errorf("given up: %+v", c)
	}
}

// TestStopWhileStarting: a bridge that is stopped before its routers run stops
// like any other, at once and without an error.
func TestStopWhileStarting(t *testing.T) {
	for i := range 300 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			r := start(t, memorystore.New())
			time.Sleep(time.Duration(i*10) * time.Microsecond)
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestD6_FloatIsNoRevision takes no float header for a revision, however whole
// it looks.
func TestD6_FloatIsNoRevision(t *testing.T) {
	s := memorystore.New()
	r := start(t, s)
	m := event("a", 1)
	m.Metadata[broker.HeaderAMQP] = `{"exchange":"","types":{"revision":"d"}}`
	r.in.Put("one", m)
	await(t, "the dead letter", func() bool {
		for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "one"}) {
			return err == nil && d.Reason == "revision_invalid"
		}
		return false
	})
}

// TestRecordWithoutIdentity: a Kafka record of which neither key nor revision
// can be read is known by its place, so that it is one dead letter however often
// it comes, and its neighbour with the same body another.
func TestRecordWithoutIdentity(t *testing.T) {
	s := memorystore.New()
	r := start(t, s)
	for _, offset := range []string{"7", "7", "8", "7"} {
		m := event("a", 1)
		m.UUID = ""
		delete(m.Metadata, "revision")
		m.Metadata[broker.HeaderKafka] = `{"topic":"t","partition":3,"offset":` + offset + `,"timestamp":1}`
		r.in.Put("one", m)
	}
	await(t, "the dead letters", func() bool {
		c := r.route(t, "one").Counts
		return c.Received == 4 && c.Dead == 2 && c.Duplicates == 2 && c.Unaccounted == 0
	})
	var ids []string
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "one"}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.Message.ID)
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []string{"t/3/7", "t/3/8"}) {
		t.Errorf("message ids %q", ids)
	}
}
