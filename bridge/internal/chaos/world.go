package main

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/faultnet"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// maxAhead is what the routes set: the fewer, the closer the bound of I3.
const maxAhead = 16

// partitions are so many that they, and not the order of a topic, keep a key
// together.
const partitions = 6

// world is a bridge with some routes, what feeds them, the wires to its brokers and
// the disk of its store.
type world struct {
	t      testing.TB
	bridge *e2e.Bridge
	alive  sync.Mutex // held by whoever starts or ends the bridge
	ends   int        // how often it was ended
	wires  map[string]*faultnet.Wire
	disk   small
	routes []*route
	log    *diary
	stop   chan struct{} // closed when the traffic is to end

	unaccounted int64 // when all had settled

	forgets sync.RWMutex // held for reading while RabbitMQ may not be killed

	undo map[string]func() // what ends a fault that works by itself, by what it hits
	mu   sync.Mutex
}

// route is one of the directions.
type route struct {
	name     string
	from, to e2e.Place
	feed     *e2e.Feed
	before   []journal.Entry // what its target had before it was deleted
	taken    map[id]bool     // of it
}

// open makes the places, lays the wires, starts the bridge and the traffic.
func open(t testing.TB, o options, log *diary) *world {
	t.Helper()
	w := &world{t: t, log: log, stop: make(chan struct{}), undo: map[string]func(){}, disk: newDisk(t)}
	u, err := url.Parse(rig.AMQP(t))
	if err != nil {
		t.Fatal(err)
	}
	w.wires = map[string]*faultnet.Wire{
		rabbitWire: faultnet.NewAMQP(t, u.Host), kafkaWire: faultnet.NewKafka(t, rig.Kafka(t)[0]),
	}
	u.Host = w.wires[rabbitWire].Addr()
	yaml := ""
	for _, d := range o.directions {
		r := &route{name: d, from: place(t, d[:1], nil), to: place(t, d[2:], refusing), taken: map[id]bool{}}
		w.routes = append(w.routes, r)
		yaml += e2e.Route{
			Name: d, From: []e2e.Place{r.from}, To: r.to,
			Order: fmt.Sprintf("max_ahead: %d", maxAhead), Gap: "{ then: wait }",
			Rest: "breaker: { open_for: 1s }\nretry: { timeout: 3s }\n",
		}.String()
	}
	w.bridge = e2e.Start(t, e2e.Options{
		Routes: yaml, Dir: w.disk.dir + "/store", AMQP: u.String(), Kafka: w.wires[kafkaWire].Addr(), Heartbeat: "2s",
	})
	w.load(o)
	return w
}

// place makes a queue or a topic: "r" or "k".
func place(t testing.TB, in string, args amqp.Table) e2e.Place {
	t.Helper()
	if in == "k" {
		return e2e.Topic(rig.Topic(t, partitions))
	}
	return e2e.Queue(rig.QueueWith(t, args))
}

// load starts the traffic: a little displaced, a little repeated.
func (w *world) load(o options) {
	for i, r := range w.routes {
		traffic := journal.Traffic{
			Keys: 50, Displaced: 40, Repeated: 0.01, Size: 256, Seed: o.seed + uint64(i),
			Messages: math.MaxInt, Stop: w.stop,
		}
		r.feed = e2e.StartFeed(w.t, []e2e.Place{r.from}, traffic.All(), o.rate)
	}
}

func (w *world) wire(hits string) *faultnet.Wire { return w.wires[hits] }

// targets are the routes whose targets are topics, or queues.
func (w *world) targets(topics bool) (all []*route) {
	for _, r := range w.routes {
		if r.to.IsTopic() == topics {
			all = append(all, r)
		}
	}
	return all
}

// sources are those whose sources are.
func (w *world) sources(topics bool) (all []*route) {
	for _, r := range w.routes {
		if r.from.IsTopic() == topics {
			all = append(all, r)
		}
	}
	return all
}

// works starts what goes on until a fault ends.
func (w *world) works(f fault, work func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { work(ctx) })
	w.keep(f, func() {
		cancel()
		wg.Wait()
	})
}

// keep notes how a fault is taken back.
func (w *world) keep(f fault, back func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.undo[f.kind.hits] = back
}

// back takes a fault back that was kept.
func (w *world) back(f fault) {
	w.mu.Lock()
	back := w.undo[f.kind.hits]
	delete(w.undo, f.kind.hits)
	w.mu.Unlock()
	if back != nil {
		back()
	}
}

// pause waits; false when the context ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
