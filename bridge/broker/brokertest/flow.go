package brokertest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
)

func testWindow(t *testing.T, s Sources) {
	for _, window := range []int{1, 7, 300} {
		q := s.Queue(t)
		q.Put(t, numbered(0, 3*window)...)
		r := read(t, q, window, nil)
		first := r.Next(window)
		r.none()
		r.Source.Pause() // so that the next ones come in one piece
		r.Source.Resume()
		ackAll(first)
		second := r.Next(1)
		if want := fmt.Sprint(window); string(second[0].Payload) != want {
			t.Errorf("window %d: then came %s, want %s", window, second[0].Payload, want)
		}
		r.Close()
		holds(t, q, 2*window)
	}
}

func testHolding(t *testing.T, s Sources) {
	const window = 10
	n := 500
	if s.Past > 0 {
		n = s.Past * window
	}
	q := s.Queue(t)
	q.Put(t, numbered(0, n)...)
	r := read(t, q, window, nil)
	held := r.Next(1)[0]
	for i := 1; i < n; i++ {
		d := r.Next(1)[0]
		if string(d.Payload) != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", d.Payload, i)
		}
		d.Ack()
	}
	r.none()
	held.Ack()
	settle(t, r)
	r.Close()
	holds(t, q, 0)
}

func testAnyOrder(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 1000)...)
	r := read(t, q, 200, nil)
	for range 10 {
		ds := r.Next(100)
		rand.Shuffle(len(ds), func(i, j int) { ds[i], ds[j] = ds[j], ds[i] })
		for len(ds) > 0 {
			n := min(len(ds), 1+rand.IntN(9))
			ackAll(ds[:n])
			ds = ds[n:]
		}
	}
	r.none()
	r.Close()
	holds(t, q, 0)
}

func testComeBack(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 10)...)
	r := read(t, q, 100, nil)
	ds := r.Next(10)
	for _, i := range []int{0, 1, 4, 8} {
		ds[i].Ack()
	}
	settle(t, r)
	want := "2 3 5 6 7 9"
	if !s.Traits.AcksSingly {
		holds(t, q, 8)
		want = "2 3 4 5 6 7 8 9"
	}
	q.Break(t)
	again := r.Next(strings.Count(want, " ") + 1)
	if got := bodies(again); got != want {
		t.Errorf("came back: %s, want %s", got, want)
	}
	r.none()
	ackAll(again)
	r.Close()
	holds(t, q, 0)
}

// settle returns when the acknowledgements before it have arrived: what is
// written to a connection that is then cut may be lost, and rightly so.
func settle(t testing.TB, r *Reader) {
	t.Helper()
	if _, err := r.Source.Lag(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.none()
}

func testLateAck(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 5)...)
	r := read(t, q, 100, nil)
	old := r.Next(5)
	told := r.State.await(t, "that it delivers", 0, isNil)
	q.Break(t)
	fresh := r.Next(5)
	ackAll(old)
	r.none()
	fresh[4].Ack()
	settle(t, r)
	r.Close()
	if !s.Traits.AcksSingly {
		holds(t, q, 5)
	} else {
		holds(t, q, 4)
	}
	r.State.await(t, "of the loss", told, anyError)
}

func testAckTwice(t *testing.T, s Sources) {
	q := s.Queue(t)
	q.Put(t, numbered(0, 20)...)
	r := read(t, q, 5, nil)
	for range 4 {
		ds := r.Next(5)
		ds[1].Ack()
		ds[1].Ack()
		ackAll(ds)
		ackAll(ds)
	}
	ackNothing := func(sessions ...broker.Session) {
		for _, s := range sessions {
			s.Ack(nil)
			s.Ack([]uint64{0, 1 << 60})
		}
	}
	q.Put(t, plain("last"))
	last := r.Next(1)
	ackNothing(last[0].session)
	last[0].Ack()
	settle(t, r)
	r.Close()
	holds(t, q, 0)
}

func testBodies(t *testing.T, s Sources) {
	q := s.Queue(t)
	large := bytes.Repeat([]byte("x"), 900_000) // Kafka takes a little more by default
	q.Put(t, plain(""), plain("\x00\xff"), &message.Message{Payload: large})
	r := read(t, q, 10, nil)
	ds := r.Next(3)
	if ds[0].Payload == nil || len(ds[0].Payload) != 0 {
		t.Errorf("an empty body came as %v: null is not empty", ds[0].Payload)
	}
	if string(ds[1].Payload) != "\x00\xff" || !bytes.Equal(ds[2].Payload, large) {
		t.Errorf("bodies changed: %q and %d bytes", ds[1].Payload, len(ds[2].Payload))
	}
}

func testHostileHeaders(t *testing.T, s Sources) {
	q := s.Queue(t)
	want := message.Metadata{
		"a": "", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"invalid": "\xff\xfe", "lines": "a\r\nb: c", "long": strings.Repeat("x", 60_000), "größe": "ü",
	}
	for i := range 500 {
		want[fmt.Sprint("many-", i)] = "v"
	}
	q.Put(t, &message.Message{Metadata: want, Payload: []byte("b")})
	d := read(t, q, 10, nil).Next(1)[0]
	for name, v := range want {
		if got, ok := d.Metadata[name]; !ok || got != v {
			t.Errorf("header %q is %.40q, want %.40q", name, got, v)
		}
	}
}

// testStream is enough to make every batch, prefetch and range of an edge.
func testStream(t *testing.T, s Sources) {
	const n = 20_000
	q := s.Queue(t)
	q.Put(t, numbered(0, n)...)
	r := read(t, q, 2000, nil)
	for i := 0; i < n; {
		ds := r.Next(min(1+rand.IntN(700), n-i))
		for _, d := range ds {
			if string(d.Payload) != fmt.Sprint(i) {
				t.Fatalf("got %s, want %d", d.Payload, i)
			}
			i++
		}
		ackAll(ds)
	}
	r.none()
	r.Close()
	holds(t, q, 0)
}

// testWindowBytes makes sizes jump: what is in hand stays near the bound.
func testWindowBytes(t *testing.T, s Sources) {
	const limit, size = 1 << 20, 50_000
	q := s.Queue(t)
	q.Put(t, numbered(0, 100)...)
	for range 200 {
		q.Put(t, &message.Message{Payload: make([]byte, size)})
	}
	from := q.From()
	from.Window, from.WindowBytes = 1000, limit
	r := readFrom(t, q, from, nil)
	ackAll(r.Next(100))
	hand, bytes, most := []Delivery(nil), 0, 0
	for seen := 0; seen < 200; seen++ {
		d := r.Next(1)[0]
		hand = append(hand, d)
		bytes += len(d.Payload)
		most = max(most, bytes+len(r.left)*size)
		if len(r.left) == 0 && bytes > limit/2 {
			ackAll(hand)
			hand, bytes = nil, 0
		}
	}
	if most > 3*limit {
		t.Errorf("%d bytes in hand, the window is %d", most, limit)
	}
	t.Logf("at most %d bytes in hand of %d", most, limit)
}
