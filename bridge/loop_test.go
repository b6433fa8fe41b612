package bridge_test

import (
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/broker"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
)

// oneRoute copies queue one of a broker into queue one of another.
const oneRoute = `
brokers:
  in: { memory: {} }
  out: { memory: {} }
store: { memory: {} }
admin: { listen: off }
routes:
  - name: one
    from: { broker: in, queue: one }
    to: { broker: out, queue: one }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
`

// TestD10_CircleOfTwoFiles runs A → B in one bridge and B → A in another, which
// neither file shows. A message that comes back is a copy of what the first
// bridge has settled, so it goes round once.
func TestD10_CircleOfTwoFiles(t *testing.T) {
	there, back := brokers(), brokers()
	back.in, back.out = there.out, there.in
	there.run(t, oneRoute, bridge.Options{Store: memorystore.New()})
	back.run(t, oneRoute, bridge.Options{Store: memorystore.New()})
	for rev := 1; rev <= 3; rev++ {
		there.in.Put("one", event("a", rev))
	}
	await(t, "everything to come to rest", func() bool {
		a, b := there.route(t, "one").Counts, back.route(t, "one").Counts
		return a.Delivered == 3 && a.Duplicates == 3 && b.Delivered == 3 && a.InMemory+b.InMemory == 0
	})
	time.Sleep(200 * time.Millisecond)
	if a, b := there.route(t, "one").Counts, back.route(t, "one").Counts; a.Received != 6 || b.Received != 3 || a.Dead+b.Dead != 0 {
		t.Errorf("there %+v\nback %+v", a, b)
	}
	for _, r := range []*rig{there, back} { // both, before their brokers close
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestD10_CircleThatRenumbers: where every pass makes a new revision of it, no
// copy is recognised, and the hops end it.
func TestD10_CircleThatRenumbers(t *testing.T) {
	s := memorystore.New()
	r := brokers()
	r.out = r.in // one broker under two names
	text := replace(t, oneRoute, "revision: header.revision, first: 1", "revision: header.bridge-hops, first: 0")
	r.run(t, text, bridge.Options{Store: s})
	await(t, "the start", func() bool { return r.route(t, "one").Ready() })
	m := event("a", 1)
	m.Metadata[broker.HeaderHops] = "0"
	r.in.Put("one", m)
	await(t, "the dead letter", func() bool { return deadBy(t, s, "one")["1"] == "loop" })
	await(t, "rest", func() bool {
		c := r.route(t, "one").Counts
		return c.InMemory == 0 && c.Received == 17 && c.Delivered == 16 && c.Unaccounted == 0
	})
}
