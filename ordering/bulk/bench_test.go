package bulk_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// BenchmarkRedrive is what the bridge itself needs for a dead letter that is
// redriven, on a disk, with a target that takes everything at once: of 10,000 keys
// and 50 causes, out of the order of a route that goes on after a failure, and on
// one without an order.
func BenchmarkRedrive(b *testing.B) {
	b.Run("out of order", func(b *testing.B) { benchmarkRedrive(b, ordering.ByRevision) })
	b.Run("unordered", func(b *testing.B) { benchmarkRedrive(b, ordering.Unordered) })
}

func benchmarkRedrive(b *testing.B, by ordering.Order) {
	s, err := pebble.Open(b.TempDir(), pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	cfg := ordering.Config{
		Route: route, SingleInstance: true, First: 1, OnFailure: lane.Continue, Store: s, Order: by, Remember: -1,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
		Logger:   slog.New(slog.DiscardHandler),
	}
	seq, err := ordering.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := seq.Batch(func(ms []*message.Message) []error { return make([]error, len(ms)) }); err != nil {
		b.Fatal(err)
	}
	run := bulk.New(bulk.Config{Route: route, Store: s, Resequencer: func() *ordering.Resequencer { return seq }, Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 2)
	go func() { ended <- seq.Run(ctx) }()
	go func() { ended <- run.Run(ctx) }()
	defer func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				b.Error(err)
			}
		}
	}()
	for {
		if _, err := s.Ledger(ctx, route); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	bury(b, s, b.N)
	b.ResetTimer()
	op, err := run.Start(ctx, bulk.Request{Action: ordering.ActRedrive, OutOfOrder: by == ordering.ByRevision, By: "ann", Reason: why})
	if err != nil {
		b.Fatal(err)
	}
	for {
		p, err := run.Get(ctx, op.ID)
		if err != nil {
			b.Fatal(err)
		}
		if p.State == store.OperationDone {
			if p.Done != int64(b.N) {
				b.Fatalf("%+v", p)
			}
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "letters/s")
}

// bury puts dead letters into a store.
func bury(b *testing.B, s store.Store, n int) {
	b.Helper()
	body := make([]byte, 1000)
	for at := 0; at < n; at += 1000 {
		c := store.Change{Key: store.Key{Route: route}}
		for i := at; i < min(n, at+1000); i++ {
			key := fmt.Sprintf("k%05d", i%10_000)
			c.Dead = append(c.Dead, store.DeadLetter{
				ID: fmt.Sprintf("%08x-%d", i*2654435761, i), Lane: true, Key: key, Reason: "permanent",
				At: time.Now().Add(-time.Hour).Add(time.Duration(i)),
				Message: store.Message{
					Rev: lane.Revision(i/10_000 + 1), ID: fmt.Sprint(i), Payload: body,
					Metadata: map[string]string{"key": key, "revision": fmt.Sprint(i/10_000 + 1)},
					Tries:    store.Tries{Attempts: 1, Class: "permanent", Error: fmt.Sprintf("cause %c%c", 'a'+i%10, 'a'+i/10%5)},
				},
			})
		}
		if err := s.Commit(b.Context(), c)[0]; err != nil {
			b.Fatal(err)
		}
	}
}
