package ordering_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// slowStore commits as slowly as a disk, reads what is parked meanwhile, and notes
// what is to be remembered.
type slowStore struct {
	store.Store
	pause time.Duration
	mu    sync.Mutex
	seen  []store.Sighting
}

func (s *slowStore) Commit(ctx context.Context, cs ...store.Change) []error {
	time.Sleep(s.pause)
	s.mu.Lock()
	for i := range cs {
		s.seen = append(s.seen, cs[i].Seen...)
		for _, m := range cs[i].Park {
			_ = m.Size() // iterates over the metadata, as Pebble's encoder does
		}
	}
	s.mu.Unlock()
	return s.Store.Commit(ctx, cs...)
}

// TestStamp_WhileParking is for the race detector: a message gets its number while
// the committer still stores it.
func TestStamp_WhileParking(t *testing.T) {
	w := newWorld(t, 40)
	w.send(named(4, 300)...)
	cfg := arrival(&slowStore{Store: memory.New(), pause: 15 * time.Millisecond}, w)
	cfg.Stamp, cfg.StampHeader, cfg.Chunk, cfg.Hold = true, "number", 1, 0
	n := 0
	w.fail = func(*message.Message) error {
		if n++; n%7 == 0 {
			return &verdict{class: "transient", attempts: 1, pause: 5 * time.Millisecond}
		}
		return nil
	}
	r := w.run(cfg)
	r.state(t, "any")
	r.emptied(t, w)
}

// TestArrival_RememberedFromItsEnd: what settled is remembered for the window at
// least, however long it was in memory before.
func TestArrival_RememberedFromItsEnd(t *testing.T) {
	w := newWorld(t, 100)
	cfg := arrival(memory.New(), w)
	cfg.Remember, cfg.OutageAfter = time.Second, time.Hour
	var up atomic.Bool
	w.fail = func(*message.Message) error {
		if up.Load() {
			return nil
		}
		return &verdict{class: "unavailable", pause: 50 * time.Millisecond}
	}
	w.run(cfg)
	m := named(1, 1)[0]
	w.send(m)
	time.Sleep(2500 * time.Millisecond)
	up.Store(true)
	await(t, "delivered", func() bool { return len(w.revisions("k0")) == 1 && w.settled() })
	w.send(m)
	await(t, "settled", w.settled)
	if got := w.revisions("k0"); len(got) != 1 {
		t.Errorf("right after it settled it was delivered again: %v", got)
	}
}

// TestArrival_OtherWindow: with another window what is in the store is known still,
// and forgotten in time.
func TestArrival_OtherWindow(t *testing.T) {
	w := newWorld(t, 100)
	s := &slowStore{Store: memory.New()}
	cfg := arrival(s, w)
	m := named(1, 1)[0]
	for _, window := range []time.Duration{time.Second, 2 * time.Second} {
		cfg.Remember = window
		w.send(m)
		r := w.run(cfg)
		r.state(t, "any")
		r.emptied(t, w)
		_ = r.stop()
	}
	if got := w.revisions("k0"); len(got) != 1 {
		t.Errorf("delivered again in the window: %v", got)
	}
	old := s.seen[0]
	time.Sleep(4500 * time.Millisecond)
	w.send(sent{key: "k0", rev: 2, body: "x", id: "x"})
	r := w.run(cfg)
	await(t, "it", w.settled)
	_ = r.stop()
	if is, err := s.Seen(t.Context(), "r", old.Era, []store.SeenPrint{old.Print}); err != nil || is[0] {
		t.Errorf("after more than twice both windows it is still in the store (%v)", err)
	}
}

// TestArrival_StopParksWhatIsHeld: behind the middleware too, where the head cannot
// be parked while the handler has it, a stop does not wait for all that is behind it.
func TestArrival_StopParksWhatIsHeld(t *testing.T) {
	w := newWorld(t, 100)
	cfg := arrival(memory.New(), w)
	cfg.Hold = 10 * time.Second
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var handled atomic.Int32
	h := r.Middleware(func(*message.Message) ([]*message.Message, error) {
		handled.Add(1)
		time.Sleep(100 * time.Millisecond)
		return nil, nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var wait sync.WaitGroup
	for _, m := range named(1, 20) {
		wait.Go(func() { _, _ = h(m.message()) })
		time.Sleep(2 * time.Millisecond)
	}
	began, before := time.Now(), handled.Load()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	wait.Wait()
	if n := handled.Load(); n > before+1 {
		t.Errorf("%d were handled after the stop was asked for, which took %v", n-before, time.Since(began))
	}
}
