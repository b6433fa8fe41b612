package kafka_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// wire is how a source reaches Kafka: it can be cut, and refuse to be mended. A
// proxy would not do, because Kafka tells its clients its own address.
type wire struct {
	mu    sync.Mutex
	down  bool
	conns []net.Conn
	dials int
	known int // of them
}

func (w *wire) dial(ctx context.Context, network, host string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dials++
	if w.down {
		host = "127.0.0.1:1" // nobody listens there: refused, as by a host without Kafka
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, host)
	if err == nil {
		w.conns = append(w.conns, conn)
	}
	return conn, err
}

func (w *wire) cut(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

func (w *wire) dialled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dials
}

// steady is how many connections were made since it was last asked.
func (w *wire) steady() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, w.known = w.dials-w.known, w.dials
	return n
}

func (w *wire) through(s setup) { s.Broker.Dial(w.dial) }

// A cut connection costs nothing: the place in the group outlives it.
func TestCutConnectionsAreMended(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p protocol) {
		l, w := newLog(t, rig.Topic(t, 2), p), &wire{}
		l.fill(t, 2, 0, 500)
		in := l.read(t, w.through, func(s setup) { s.Window = 100 })
		seen := map[place]int{}
		for len(seen) < 1000 {
			d := in.next(1)[0]
			seen[place{partition: d.partition + 10*int32(d.offset)}]++
			d.Ack()
			if len(seen)%200 == 199 {
				w.cut(false)
			}
		}
		l.commits(t, map[int32]int64{0: 500, 1: 500})
		for _, err := range in.State.All() {
			if err != nil {
				t.Errorf("told: %v", err)
			}
		}
	})
}

// I8: an outage is told, nothing spins meanwhile, and what follows comes by itself:
// within the session from where it was, after it from the committed offset.
func TestI8_OutageIsToldAndOvercome(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p protocol) {
		l, w, store := newLog(t, rig.Topic(t, 1), p), &wire{}, &positions{}
		l.fill(t, 1, 0, 10)
		in := l.read(t, ordered, keeping(store), w.through)
		ds := in.next(10)
		ackAll(ds[:5])
		l.commits(t, map[int32]int64{0: 5})
		w.cut(true)
		ackAll(ds[5:7]) // cannot be committed now
		eventually(t, "the outage is told", func() bool {
			all := in.State.All()
			return all[len(all)-1] != nil
		})
		before := w.dialled()
		time.Sleep(5 * time.Second)
		if n := w.dialled() - before; n > 60 {
			t.Errorf("%d connections were tried in 5 s", n)
		}
		w.cut(false)
		in.await(nil)
		l.fill(t, 1, 10, 1)
		for {
			d := in.next(1)[0]
			d.Ack()
			if d.offset == 10 {
				break
			}
		}
		ackAll(ds)
		l.commits(t, map[int32]int64{0: 11})
	})
}

// I8: a Kafka that starts after us is waited for.
func TestI8_SourceStartsBeforeKafka(t *testing.T) {
	l, w := newLog(t, rig.Topic(t, 1), protocol{}), &wire{down: true}
	l.fill(t, 1, 0, 3)
	in := l.read(t, w.through)
	eventually(t, "it is told why", func() bool {
		all := in.State.All()
		return len(all) > 0 && errors.Is(all[0], syscall.ECONNREFUSED)
	}, func() any { return in.State.All() })
	w.cut(false)
	in.await(nil)
	in.next(3)
}

// Every wait has an end: Close returns though Kafka does not answer.
func TestCloseWithoutKafka(t *testing.T) {
	eachProtocol(t, func(t *testing.T, p protocol) {
		l, w := newLog(t, rig.Topic(t, 1), p), &wire{}
		l.fill(t, 1, 0, 3)
		in := l.read(t, ordered, w.through)
		ackAll(in.next(3))
		w.cut(true)
		began := time.Now()
		in.Close()
		if took := time.Since(began); took > 25*time.Second {
			t.Errorf("Close took %v", took)
		}
	})
}
