package brokertest

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker"
)

func testPause(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 3)...)
	r := read(t, q, 100, nil)
	ds := r.next(3)
	r.src.Pause()
	r.src.Pause()
	r.none()
	q.Put(t, numbered(3, 3)...)
	r.none()
	ds[0].ack() // what is in hand can be settled
	r.src.Resume()
	r.src.Resume()
	if got := bodies(r.next(3)); got != "3 4 5" {
		t.Errorf("after the pause came %s", got)
	}
	r.none()
	settle(t, r)
	r.close()
	holds(t, q, 5)
}

func testLag(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 30)...)
	r := read(t, q, 10, nil)
	r.next(10)
	for range 3 {
		lag, err := r.src.Lag(t.Context())
		if err != nil || lag != 20 {
			t.Errorf("lag is %d (%v), want 20", lag, err)
		}
	}
}

func testState(t *testing.T, s Sources) {
	q := s.Queue(t)
	r := read(t, q, 10, nil)
	n := r.state.await(t, "that it delivers", 0, isNil)
	q.Break(t)
	n = r.state.await(t, "of the loss", n, anyError)
	n = r.state.await(t, "of the return", n, isNil)
	r.none()
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	if len(r.state.errs) != n {
		t.Errorf("State is told again and again: %v", r.state.errs)
	}
}

func testSettleAfterEnd(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 20)...)
	r := read(t, q, 10, nil)
	ds := r.next(10)
	r.cancel()
	for m := range r.out { // closes, at once
		r.unpack(m)
	}
	ackAll(ds[:4])
	if got := q.Depth(t); got > 14 && !s.Offsets {
		t.Errorf("%d wait before Close: nothing goes back before", got)
	}
	r.close()
	holds(t, q, 16)
	r.close() // twice does nothing
	if _, err := r.src.Subscribe(t.Context(), ""); err == nil {
		t.Error("a source was subscribed to twice")
	}
}

func testAlone(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 5)...)
	ordered := func(owner string) func(*broker.SourceOptions) {
		return func(o *broker.SourceOptions) { o.Ordered, o.Owner = true, owner }
	}
	first := read(t, q, 3, ordered("one"))
	first.next(3)
	second := read(t, q, 3, ordered("two"))
	n := second.state.await(t, "that another is there", 0, isError(broker.ErrElsewhere))
	second.none()
	first.none()
	first.close()
	second.state.await(t, "that it delivers", n, isNil)
	if got := bodies(second.next(3)); got != "0 1 2" {
		t.Errorf("the second got %s", got)
	}
}

func testMissing(t *testing.T, s Sources) {
	q := s.Missing(t)
	r := read(t, q, 10, nil)
	n := r.state.await(t, "that the queue is missing", 0, isError(broker.ErrMissing))
	r.none()
	q.Create(t)
	q.Put(t, plain("hello"))
	r.state.await(t, "that it delivers", n, isNil)
	r.next(1)[0].ack()

	declared := s.Missing(t)
	from := declared.From()
	from.Declare.On = true
	r = readFrom(t, declared, from, nil)
	r.state.await(t, "that it delivers", 0, isNil)
	declared.Put(t, plain("hello"))
	r.next(1)
}
