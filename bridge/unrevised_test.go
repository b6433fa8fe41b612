package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// unrevised is a topology of two routes that look at no revision.
func unrevised(one, two string) string {
	return fmt.Sprintf(`
brokers:
  in: { memory: {} }
  out: { memory: {} }
store: { memory: {} }
admin: { listen: off }
defaults:
  retry: { attempts: 2, initial: 10ms, max: 20ms }
routes:
  - name: one
    from: { broker: in, queue: one }
%s
  - name: two
    from: { broker: in, queue: two }
%s
`, one, two)
}

// arrivalAndNone is a route of either order.
var arrivalAndNone = unrevised(`
    to: { broker: out, topic: one }
    order: { by: arrival, key: header.key }
`, `
    to: { broker: out, topic: two }
    order: { by: none }
`)

// TestUnrevised_Headers: a route by arrival says the key; the number only if it
// stamps. One without an order leaves what another bridge said.
func TestUnrevised_Headers(t *testing.T) {
	r := brokers()
	r.run(t, unrevised(`
    to: { broker: out, topic: one, stamp: revision }
    order: { by: arrival, key: header.key }
`, `
    to: { broker: out, topic: two }
    order: { by: none }
`), bridge.Options{Store: memorystore.New()})
	for rev := range 3 {
		r.in.Put("one", event("a", 7+rev))
	}
	m := event("a", 1)
	m.Metadata[broker.HeaderRevision], m.Metadata[broker.HeaderKey] = "40", "upstream"
	nameless := event("b", 1)
	nameless.UUID = ""
	r.in.Put("two", m, nameless, event("a", 1))
	await(t, "all", func() bool { return len(r.out.Messages("one")) == 3 && len(r.out.Messages("two")) == 2 })
	for i, m := range r.out.Messages("one") {
		for name, want := range map[string]string{
			"revision": fmt.Sprint(7 + i), broker.HeaderRevision: fmt.Sprint(1 + i),
			broker.HeaderKey: "a", broker.HeaderMessageID: fmt.Sprint("a-", 7+i), broker.HeaderHops: "1",
		} {
			if m.Metadata[name] != want {
				t.Errorf("%s is %q, want %q", name, m.Metadata[name], want)
			}
		}
	}
	for _, m := range r.out.Messages("two") {
		key, rev := "", ""
		if m.Metadata["key"] == "a" {
			key, rev = "upstream", "40"
		}
		if m.Metadata[broker.HeaderKey] != key || m.Metadata[broker.HeaderRevision] != rev || m.Metadata[broker.HeaderMessageID] == "" {
			t.Errorf("%v", m.Metadata)
		}
	}
	if c := r.route(t, "two").Counts; c.Duplicates != 1 {
		t.Errorf("%d duplicates", c.Duplicates)
	}
}

// TestUnrevised_IdempotencyKey: what tells messages apart is what the file says,
// and with `same: revision` that alone.
func TestUnrevised_IdempotencyKey(t *testing.T) {
	r := brokers()
	r.run(t, unrevised(`
    to: { broker: out, topic: one }
    order: { by: arrival, key: header.key, same: revision, duplicates: { id: header.request } }
`, `
    to: { broker: out, topic: two }
    order: { by: none, duplicates: off }
`), bridge.Options{Store: memorystore.New()})
	for rev := range 4 {
		m := event("a", rev)
		m.Metadata["request"] = fmt.Sprint(rev / 2)
		r.in.Put("one", m)
		r.in.Put("two", event("a", 1))
	}
	await(t, "all", func() bool { return len(r.out.Messages("one")) == 2 && len(r.out.Messages("two")) == 4 })
	if got := r.revisions("one", "a"); !slices.Equal(got, []string{"0", "2"}) {
		t.Errorf("got %v", got)
	}
	await(t, "the books", func() bool { return r.route(t, "one").Counts.Duplicates == 2 })
}

// TestUnrevised_Poison: by arrival a dead letter holds its key back and no other;
// without an order it holds back nothing, and both are redriven.
func TestUnrevised_Poison(t *testing.T) {
	r := brokers()
	s := memorystore.New()
	var mended atomic.Bool
	r.run(t, arrivalAndNone, bridge.Options{Store: s})
	for _, queue := range []string{"one", "two"} {
		r.out.Fail(queue, func(m *message.Message) error {
			if m.UUID == "a-2" && !mended.Load() {
				return policies.Because(policies.Permanent, "too_large", errors.New("no"))
			}
			return nil
		})
		r.in.Put(queue, event("a", 1), event("a", 2), event("a", 3), event("b", 1), event("b", 2))
	}
	await(t, "all but the dead and what waits for it", func() bool {
		return len(r.out.Messages("one")) == 3 && len(r.out.Messages("two")) == 4 &&
			r.route(t, "one").Counts.Dead == 1 && r.route(t, "two").Counts.Dead == 1
	})
	if c := r.route(t, "one").Counts; c.Parked != 1 {
		t.Errorf("%d parked", c.Parked)
	}
	mended.Store(true)
	for _, route := range []string{"one", "two"} {
		for d, err := range s.DeadLetters(t.Context(), store.Query{Route: route}) {
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Redrive(t.Context(), route, d.ID, api.Change{By: "me", Reason: "mended"}); err != nil {
				t.Error(err)
			}
		}
	}
	await(t, "all", func() bool { return len(r.out.Messages("one")) == 5 && len(r.out.Messages("two")) == 5 })
	if got := r.revisions("one", "a"); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("a came as %v", got)
	}
}

// TestUnrevised_RedriveIsNoHop: a redrive is not another bridge.
func TestUnrevised_RedriveIsNoHop(t *testing.T) {
	r := brokers()
	s := memorystore.New()
	var mended atomic.Bool
	r.run(t, arrivalAndNone, bridge.Options{Store: s})
	for _, queue := range []string{"one", "two"} {
		r.out.Fail(queue, func(*message.Message) error {
			if !mended.Load() {
				return policies.Because(policies.Permanent, "too_large", errors.New("no"))
			}
			return nil
		})
		r.in.Put(queue, event("a", 1))
	}
	for round := range 3 {
		await(t, "the dead letters", func() bool {
			return r.route(t, "one").Counts.Dead == 1 && r.route(t, "two").Counts.Dead == 1
		})
		mended.Store(round == 2)
		for _, route := range []string{"one", "two"} {
			for d, err := range s.DeadLetters(t.Context(), store.Query{Route: route}) {
				if err != nil {
					t.Fatal(err)
				}
				at := d.At
				if _, err := r.Redrive(t.Context(), route, d.ID, api.Change{By: "me", Reason: "again"}); err != nil {
					t.Error(err)
				}
				if round < 2 {
					await(t, "it to be dead again", func() bool { return again(t, s, route, at) })
				}
			}
		}
	}
	await(t, "both", func() bool { return len(r.out.Messages("one")) == 1 && len(r.out.Messages("two")) == 1 })
	for _, route := range []string{"one", "two"} {
		if hops := r.out.Messages(route)[0].Metadata[broker.HeaderHops]; hops != "1" {
			t.Errorf("route %s: %s hops through one bridge", route, hops)
		}
	}
}

// again reports whether a route's dead letter is a later one.
func again(t *testing.T, s store.Store, route string, than time.Time) bool {
	t.Helper()
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: route}) {
		if err != nil {
			t.Fatal(err)
		}
		return d.At.After(than)
	}
	return false
}
