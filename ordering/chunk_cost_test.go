package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestRule9_PoisonInAChunk has a message that spoils every chunk it is in: those
// before it go in short ones until its turn comes, not one by one.
func TestRule9_PoisonInAChunk(t *testing.T) {
	s, w := memory.New(), newWorld(t, 400)
	calls := 0
	w.wrap = func([]*message.Message) func() { calls++; return func() {} } // one worker
	w.whole = func(chunk []*message.Message) bool {
		for _, m := range chunk {
			if m.Metadata["revision"] == "60" {
				return false
			}
		}
		return true
	}
	cfg := config(s, w)
	cfg.Chunk, cfg.Workers = 64, 1
	w.failing("k0/60")
	w.send(stream(1, 60)...)
	r := w.run(cfg)
	await(t, "all but the poison", func() bool {
		st, err := r.Stats(t.Context())
		return err == nil && st.Ledger.Delivered == 59 && st.Ledger.Dead == 1
	})
	if calls > 25 {
		t.Errorf("%d calls", calls)
	}
}

// TestRule9_MiddlewareTakesNoChunks: its handler gets one message at a time, and
// cannot refuse what follows one that failed.
func TestRule9_MiddlewareTakesNoChunks(t *testing.T) {
	w := newWorld(t, 100)
	cfg := config(memory.New(), w)
	cfg.Workers = 1
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []string
	gate, failed := make(chan struct{}), false
	h := r.Middleware(func(m *message.Message) ([]*message.Message, error) {
		if m.Metadata["key"] == "other" {
			<-gate
			return nil, nil
		}
		mu.Lock()
		defer mu.Unlock()
		if !failed {
			failed = true
			return nil, errors.New("a moment")
		}
		got = append(got, m.Metadata["revision"])
		return nil, nil
	})
	go func() { _ = r.Run(t.Context()) }()
	go func() { _, _ = h(msg("other", 1).message()) }()
	await(t, "the only worker to be busy", func() bool { st, _ := r.Stats(t.Context()); return st.InMemory == 1 })
	for rev := int64(1); rev <= 4; rev++ {
		go func() { _, _ = h(msg("k", rev).message()) }()
	}
	await(t, "all to be in hand", func() bool { st, _ := r.Stats(t.Context()); return st.InMemory+st.Ledger.Parked >= 5 })
	close(gate)
	await(t, "all to be delivered", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Delivered == 5 })
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(got) != "[1 2 3 4]" {
		t.Errorf("the handler succeeded with %v", got)
	}
}

// TestRule9_DeliveredMessagesAreLetGo has chunks of which only a beginning lands,
// again and again: what was delivered does not stay in memory with what follows.
func TestRule9_DeliveredMessagesAreLetGo(t *testing.T) {
	w := newWorld(t, 500)
	var gone, delivered atomic.Int64
	w.wrap = func(msgs []*message.Message) func() {
		for _, m := range msgs {
			if _, at := ordering.Chunk(m); at == 0 {
				delivered.Add(1)
				runtime.SetFinalizer(m, func(*message.Message) { gone.Add(1) })
			}
		}
		return func() {}
	}
	w.whole = func(chunk []*message.Message) bool { return len(chunk) == 1 }
	cfg := config(memory.New(), w)
	cfg.Chunk = 64
	r := w.run(cfg)
	w.send(stream(1, 1000)...)
	await(t, "all to be delivered", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Delivered == 1000 })
	await(t, "what was delivered to be let go", func() bool {
		runtime.GC()
		return delivered.Load()-gone.Load() < 100
	})
}

// counting counts the rows that are read of what is parked.
type counting struct {
	store.Store
	rows atomic.Int64
}

func (c *counting) Parked(ctx context.Context, k store.Key, from lane.Revision, n int) ([]store.Message, error) {
	rows, err := c.Store.Parked(ctx, k, from, n)
	c.rows.Add(int64(len(rows)))
	return rows, err
}

// TestRule9_WhatDoesNotFitIsNotReadAgain drains parked messages of which a chunk
// has room for a few only.
func TestRule9_WhatDoesNotFitIsNotReadAgain(t *testing.T) {
	for _, size := range []int{100, 100_000, 200_000} {
		s, w := &counting{Store: memory.New()}, newWorld(t, 1000)
		cfg := config(s, w)
		cfg.Chunk, cfg.Hold = 64, time.Millisecond
		for rev := int64(2); rev <= 400; rev++ {
			m := msg("k", rev)
			m.body += strings.Repeat("x", size)
			w.send(m)
		}
		r := w.run(cfg)
		await(t, "all to be parked", func() bool {
			st, _ := r.Stats(t.Context())
			return st.Ledger.Parked == 399 && st.InMemory == 0
		})
		s.rows.Store(0)
		w.send(msg("k", 1))
		await(t, "all to be delivered", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Delivered == 400 })
		if n := s.rows.Load(); n > 500 {
			t.Errorf("%d bytes each: %d rows were read for 399", size, n)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
}
