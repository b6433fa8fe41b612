package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

const (
	soon  = 40 * time.Second       // for what must happen
	quiet = 500 * time.Millisecond // for what must not
)

// delivery is a record that came.
type delivery struct {
	brokertest.Delivery
	partition int32
	offset    int64
}

func ackAll(ds []delivery) {
	for _, d := range ds {
		d.Ack()
	}
}

// intake is a source that is read.
type intake struct {
	*brokertest.Reader
	t testing.TB
}

// setup is what a test changes of a source.
type setup struct {
	*config.From
	*broker.SourceOptions
	Broker *kafka.Broker
}

func (l *log) read(t testing.TB, change ...func(setup)) *intake {
	t.Helper()
	told := &brokertest.States{}
	from, opts, b := l.From(), broker.SourceOptions{Route: "route", Owner: "owner", State: told.Hear}, l.broker()
	for _, c := range change {
		c(setup{&from, &opts, b})
	}
	if !opts.Ordered { // several may read, each with a store of its own
		opts.Owner = rig.Name(t)
	}
	src, err := b.Source(from, opts)
	if err != nil {
		t.Fatal(err)
	}
	in := &intake{brokertest.Subscribe(t, src, told), t}
	in.Patience = soon
	return in
}

// next returns n deliveries, or fails.
func (in *intake) next(n int) []delivery {
	in.t.Helper()
	return in.placed(in.Next(n))
}

// some returns what comes until nothing comes for a while.
func (in *intake) some(idle time.Duration) []delivery {
	in.t.Helper()
	return in.placed(in.Some(idle))
}

// none fails if anything comes.
func (in *intake) none() {
	in.t.Helper()
	if ds := in.some(quiet); len(ds) > 0 {
		in.t.Fatalf("%d too many came: partition %d, offset %d …", len(ds), ds[0].partition, ds[0].offset)
	}
}

func (in *intake) placed(came []brokertest.Delivery) []delivery {
	in.t.Helper()
	ds, err := placed(came)
	if err != nil {
		in.t.Fatal(err)
	}
	return ds
}

// placed says where the records stood.
func placed(came []brokertest.Delivery) ([]delivery, error) {
	var out []delivery
	for _, d := range came {
		r, err := sidecar.RestoreRecord(d.Metadata)
		if err != nil {
			return nil, err
		}
		if !r.Known {
			return nil, errors.New("no sidecar")
		}
		out = append(out, delivery{d, r.Partition, r.Offset})
	}
	return out, nil
}

// unpack takes a carrier apart.
func unpack(carrier *message.Message) ([]delivery, error) {
	ds, err := brokertest.Deliveries(carrier)
	if err != nil {
		return nil, err
	}
	return placed(ds)
}

// payloads of deliveries.
func payloads(ds []delivery) (all []string) {
	for _, d := range ds {
		all = append(all, string(d.Payload))
	}
	return all
}

// await returns when the last that was told is this error, or nil.
func (in *intake) await(want error) {
	in.t.Helper()
	_ = in.hear(want)
}

// hear awaits an error and returns it with its words.
func (in *intake) hear(want error) error {
	in.t.Helper()
	var last error
	eventually(in.t, fmt.Sprintf("told %v", want), func() bool {
		all := in.State.All()
		if len(all) == 0 {
			return false
		}
		last = all[len(all)-1]
		return errors.Is(last, want)
	}, func() any { return in.State.All() })
	return last
}

// eventually fails if the condition does not come true; about adds what is known.
func eventually(t testing.TB, what string, ok func() bool, about ...func() any) {
	t.Helper()
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	var more []any
	for _, a := range about {
		more = append(more, a())
	}
	t.Fatalf("never: %s %v", what, more)
}

// commits waits until the group has these offsets.
func (l *log) commits(t testing.TB, want map[int32]int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("committed %v", want),
		func() bool { return maps.Equal(l.committed(t), want) }, func() any { return l.committed(t) })
}

// positions is a store of positions in memory.
type positions struct {
	mu   sync.Mutex
	rows map[place]broker.Position
	fail error                       // of Save, if not nil
	look func(saved broker.Position) // called by Save
}

type place struct {
	id        [16]byte
	partition int32
}

func (p *positions) Load(context.Context) ([]broker.Position, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.rows)), nil
}

func (p *positions) Save(_ context.Context, rows ...broker.Position) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	if p.rows == nil {
		p.rows = map[place]broker.Position{}
	}
	for _, r := range rows {
		if p.look != nil {
			p.look(r)
		}
		p.rows[place{r.TopicID, r.Partition}] = r
	}
	return nil
}

func (p *positions) breaks(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

// of returns the row of a partition; there must be no other of that number.
func (p *positions) of(t testing.TB, partition int32) broker.Position {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []broker.Position
	for at, r := range p.rows {
		if at.partition == partition {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("partition %d has rows %v", partition, found)
	}
	return found[0]
}

func ordered(s setup) { s.Ordered = true }

func keeping(p *positions) func(setup) { return func(s setup) { s.Positions = p } }
