package ordering_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// counted is a source that counts what is acknowledged.
type counted struct {
	acked atomic.Int64
	moved chan struct{}
}

func (c *counted) Ack(tokens []uint64) {
	c.acked.Add(int64(len(tokens)))
	select {
	case c.moved <- struct{}{}:
	default:
	}
}

// BenchmarkResequencer moves messages of 1 KiB in order through a Resequencer
// with a Pebble store to a target that takes everything at once: what ordering,
// checkpoints and acknowledgements cost, per message.
func BenchmarkResequencer(b *testing.B) {
	for _, keys := range []int{20, 1000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) { benchmark(b, keys) })
	}
}

func benchmark(b *testing.B, keys int) {
	s, err := pebble.Open(b.TempDir(), pebble.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	r, err := ordering.New(ordering.Config{
		Route: "r", Store: s, SingleInstance: true, First: 1, Window: window,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	take, err := r.Batch(func(msgs []*message.Message) []error { return make([]error, len(msgs)) })
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	b.ReportAllocs()
	b.ResetTimer()
	feed(b, take, keys)
	b.StopTimer()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

const window = 2000

// feed hands over b.N messages, a carrier of up to 500 at a time, within the
// window.
func feed(b *testing.B, take func(context.Context, ordering.Deliveries) error, keys int) {
	source := &counted{moved: make(chan struct{}, 1)}
	names := make([]string, keys)
	for i := range names {
		names[i] = fmt.Sprintf("key-%d", i)
	}
	body := make([]byte, 1024)
	for sent := 0; sent < b.N; {
		room := window - (sent - int(source.acked.Load()))
		if room <= 0 {
			<-source.moved
			continue
		}
		d := ordering.Deliveries{Acker: source}
		for range min(room, 500, b.N-sent) {
			m := &message.Message{Payload: body, Metadata: message.Metadata{
				"key": names[sent%keys], "revision": strconv.Itoa(sent/keys + 1),
			}}
			d.Messages = append(d.Messages, m)
			d.Tokens = append(d.Tokens, uint64(sent))
			sent++
		}
		if err := take(context.Background(), d); err != nil {
			b.Fatal(err)
		}
	}
	for source.acked.Load() < int64(b.N) {
		<-source.moved
	}
}
