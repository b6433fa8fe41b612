package bridgetest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/bridgetest"
)

// The same seed is the same order; another one is another.
func TestSeedDecides(t *testing.T) {
	opts := bridgetest.Options{Messages: bridgetest.Stream(3, 20), Seed: 7, Shuffle: 5, Duplicates: 0.3}
	first, again := order(t, opts), order(t, opts)
	if !slices.Equal(first, again) {
		t.Errorf("seed 7 gave\n%v and\n%v", first, again)
	}
	opts.Seed = 8
	if other := order(t, opts); slices.Equal(first, other) {
		t.Error("seed 8 gives the same as seed 7")
	}
	drawn := bridgetest.NewSource(bridgetest.Options{}).Seed()
	if drawn == 0 {
		t.Error("no seed was drawn")
	}
}

// The zero value hands all out in order, once.
func TestZeroValue(t *testing.T) {
	got := order(t, bridgetest.Options{})
	var want []string
	for _, m := range bridgetest.Stream(10, 100) {
		want = append(want, name(m))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d came, want the %d of Stream(10, 100) in order", len(got), len(want))
	}
}

// No message moves further than it may, and the others are shuffled.
func TestShuffleIsBounded(t *testing.T) {
	const by = 6
	for seed := range uint64(50) {
		got := order(t, bridgetest.Options{Messages: bridgetest.Stream(1, 100), Seed: seed + 1, Shuffle: by})
		moved := 0
		for i, m := range bridgetest.Stream(1, 100) {
			place := slices.Index(got, name(m))
			if place < i-by || place > i+by {
				t.Fatalf("seed %d: %s moved from %d to %d", seed+1, name(m), i, place)
			}
			if place != i {
				moved++
			}
		}
		if len(got) != 100 || moved < 20 {
			t.Errorf("seed %d: %d came, %d moved", seed+1, len(got), moved)
		}
	}
}

func TestDuplicates(t *testing.T) {
	for part, want := range map[float64][2]int{0: {100, 100}, 0.3: {115, 145}, 1: {200, 200}} {
		got := order(t, bridgetest.Options{Messages: bridgetest.Stream(1, 100), Seed: 3, Duplicates: part})
		if n := len(got); n < want[0] || n > want[1] {
			t.Errorf("Duplicates %v: %d came", part, n)
		}
	}
}

// What is nacked comes again before anything new, and as it was.
func TestNackedComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(1, 3), Window: 1})
		msgs := subscribed(t, s)
		for range 3 {
			m := next(t, msgs)
			if name(m) != "key-1/1" || string(m.Payload) != "key-1 revision 1" {
				t.Fatalf("%s came with %q", name(m), m.Payload)
			}
			m.Payload[0], m.Metadata["revision"] = '!', "9"
			m.Nack()
			<-m.Context().Done()
		}
		for _, want := range []string{"key-1/1", "key-1/2", "key-1/3"} {
			if m := next(t, msgs); name(m) != want {
				t.Fatalf("%s came, want %s", name(m), want)
			} else {
				m.Ack()
			}
		}
		if err := s.AwaitAcks(t.Context()); err != nil {
			t.Error(err)
		}
		_ = s.Close()
	})
}

// With a window of 1 nothing comes before the answer, with a wider one as much as
// it has room for.
func TestWindow(t *testing.T) {
	for _, window := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			s := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(1, 6), Window: window})
			msgs := subscribed(t, s)
			first := next(t, msgs)
			for range window - 1 {
				next(t, msgs)
			}
			none(t, msgs)
			first.Ack()
			next(t, msgs)
			none(t, msgs)
			_ = s.Close()
		})
	}
}

// none fails if a message comes; it is called in a synctest bubble.
func none(t *testing.T, msgs <-chan *message.Message) {
	t.Helper()
	synctest.Wait()
	select {
	case m := <-msgs:
		t.Errorf("%s came", name(m))
	default:
	}
}

// What was not acknowledged comes again after a restart, and what is acknowledged
// only then comes all the same.
func TestRestartedComesAgain(t *testing.T) {
	s := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(1, 4)})
	msgs := subscribed(t, s)
	one, two, three := next(t, msgs), next(t, msgs), next(t, msgs)
	two.Ack()
	<-two.Context().Done()

	again := s.Restart()
	if one.Context().Err() == nil {
		t.Error("the context of a message outlives its subscription")
	}
	one.Ack() // too late
	three.Nack()
	if _, err := s.Subscribe(t.Context(), "orders"); !errors.Is(err, bridgetest.ErrClosed) {
		t.Errorf("Subscribe after Restart: %v", err)
	}
	if err := s.Close(); err != nil { // as a router does late
		t.Error(err)
	}
	msgs = subscribed(t, again)
	for _, want := range []string{"key-1/1", "key-1/3", "key-1/4"} {
		m := next(t, msgs)
		if name(m) != want {
			t.Errorf("%s came, want %s", name(m), want)
		}
		m.Ack()
	}
	if err := again.AwaitAcks(soon(t)); err != nil {
		t.Error(err)
	}
}

// A subscription that ends by its context leaves what it had to the next.
func TestEndedByContext(t *testing.T) {
	s := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(1, 2)})
	ctx, cancel := context.WithCancel(t.Context())
	msgs, err := s.Subscribe(ctx, "orders")
	if err != nil {
		t.Fatal(err)
	}
	next(t, msgs).Ack()
	cancel()
	for range msgs { // until it is closed; the second may come
	}
	if m := next(t, subscribed(t, s)); name(m) != "key-1/2" {
		t.Errorf("%s came", name(m))
	}
}

// What is dropped does not come, nor do its copies, until it is sent: then first.
func TestDropped(t *testing.T) {
	s := bridgetest.NewSource(bridgetest.Options{
		Messages: bridgetest.Stream(1, 4), Window: 1, Duplicates: 1, Drop: bridgetest.At("key-1", 2),
	})
	msgs := subscribed(t, s)
	for _, want := range []string{"key-1/1", "key-1/1", "key-1/3"} {
		m := next(t, msgs)
		if name(m) != want {
			t.Fatalf("%s came, want %s", name(m), want)
		}
		if want == "key-1/3" {
			if n := s.SendDropped(); n != 2 {
				t.Errorf("%d were dropped", n)
			}
		}
		m.Ack()
	}
	for _, want := range []string{"key-1/2", "key-1/2", "key-1/3", "key-1/4", "key-1/4"} {
		m := next(t, msgs)
		if name(m) != want {
			t.Errorf("%s came, want %s", name(m), want)
		}
		m.Ack()
	}
	if n := s.SendDropped(); n != 0 {
		t.Errorf("%d were dropped again", n)
	}
}

func TestPoisoned(t *testing.T) {
	s := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(2, 2), Poison: bridgetest.At("key-2", 1)})
	msgs := subscribed(t, s)
	var got []string
	for range 4 {
		if m := next(t, msgs); bridgetest.Poisoned(m) {
			got = append(got, name(m))
		}
	}
	if !slices.Equal(got, []string{"key-2/1"}) {
		t.Errorf("poisoned: %v", got)
	}
}

// What the options are given stays as it was.
func TestMessagesAreCopied(t *testing.T) {
	given := bridgetest.Stream(1, 1)
	all := func(*message.Message) bool { return true }
	m := next(t, subscribed(t, bridgetest.NewSource(bridgetest.Options{Messages: given, Poison: all})))
	m.Payload[0] = '!'
	if bridgetest.Poisoned(given[0]) || string(given[0].Payload) != "key-1 revision 1" {
		t.Errorf("it is now %v, %q", given[0].Metadata, given[0].Payload)
	}
}

func TestAwaitAcksGivesUp(t *testing.T) {
	s := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(1, 3), Seed: 42})
	ctx, cancel := context.WithCancel(t.Context())
	next(t, subscribed(t, s)).Ack()
	cancel()
	err := s.AwaitAcks(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "seed 42") {
		t.Error(err)
	}
}
