package brokertest

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker"
)

func testPause(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 3)...)
	r := read(t, q, 100, nil)
	ds := r.Next(3)
	r.Source.Pause()
	r.Source.Pause()
	r.none()
	q.Put(t, numbered(3, 3)...)
	r.none()
	ds[0].Ack() // what is in hand can be settled
	r.Source.Resume()
	r.Source.Resume()
	if got := bodies(r.Next(3)); got != "3 4 5" {
		t.Errorf("after the pause came %s", got)
	}
	r.none()
	settle(t, r)
	r.Close()
	holds(t, q, 5)
}

func testLag(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 30)...)
	r := read(t, q, 10, nil)
	r.Next(10)
	for range 3 {
		lag, err := r.Source.Lag(t.Context())
		if err != nil || lag != 20 {
			t.Errorf("lag is %d (%v), want 20", lag, err)
		}
	}
}

func testState(t *testing.T, s Sources) {
	q := s.Queue(t)
	r := read(t, q, 10, nil)
	n := r.State.await(t, "that it delivers", 0, isNil)
	q.Break(t)
	n = r.State.await(t, "of the loss", n, anyError)
	n = r.State.await(t, "of the return", n, isNil)
	r.none()
	if told := r.State.All(); len(told) != n {
		t.Errorf("State is told again and again: %v", told)
	}
}

func testSettleAfterEnd(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 20)...)
	r := read(t, q, 10, nil)
	ds := r.Next(10)
	r.Cancel()
	for m := range r.Carriers { // closes, at once
		r.unpack(m)
	}
	ackAll(ds[:4])
	if got := q.Depth(t); got > 14 && s.Traits.AcksSingly {
		t.Errorf("%d wait before Close: nothing goes back before", got)
	}
	r.Close()
	holds(t, q, 16)
	r.Close() // twice does nothing
	if _, err := r.Source.Subscribe(t.Context(), ""); err == nil {
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
	first.Next(3)
	second := read(t, q, 3, ordered("two"))
	n := second.State.await(t, "that another is there", 0, isError(broker.ErrElsewhere))
	second.none()
	first.none()
	first.Close()
	second.State.await(t, "that it delivers", n, isNil)
	if got := bodies(second.Next(3)); got != "0 1 2" {
		t.Errorf("the second got %s", got)
	}
}

func testMissing(t *testing.T, s Sources) {
	q := s.Missing(t)
	r := read(t, q, 10, nil)
	n := r.State.await(t, "that the queue is missing", 0, isError(broker.ErrMissing))
	r.none()
	q.Create(t)
	q.Put(t, plain("hello"))
	r.State.await(t, "that it delivers", n, isNil)
	r.Next(1)[0].Ack()

	declared := s.Missing(t)
	from := declared.From()
	from.Declare.On = true
	r = readFrom(t, declared, from, nil)
	r.State.await(t, "that it delivers", 0, isNil)
	declared.Put(t, plain("hello"))
	r.Next(1)
}
