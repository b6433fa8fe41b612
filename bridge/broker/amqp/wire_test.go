package amqp_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// wire stands between a target and RabbitMQ. It can hold back either direction,
// put frames of its own between those of RabbitMQ, and cut connections after so
// many bytes.
type wire struct {
	url      string
	upstream string

	mu       sync.Mutex
	changed  *sync.Cond
	up, down bool         // held back: to RabbitMQ, from it
	budget   func() int64 // bytes after which the next connection is cut; nil: never
	pairs    map[*pair]struct{}
	closed   bool
	wg       sync.WaitGroup
}

// pair is a connection through the wire.
type pair struct {
	client, server net.Conn
	writing        sync.Mutex // of whole frames to the client
	left           int64      // bytes until it is cut; below 0: never
}

func newWire(t testing.TB, target string) *wire {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{upstream: u.Host, pairs: map[*pair]struct{}{}}
	w.changed = sync.NewCond(&w.mu)
	u.Host = l.Addr().String()
	w.url = u.String()
	w.wg.Go(func() { w.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		w.closed = true
		w.mu.Unlock()
		w.cut()
		w.wg.Wait()
	})
	return w
}

func (w *wire) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.upstream)
		if err != nil {
			_ = client.Close()
			continue
		}
		p := &pair{client: client, server: server, left: -1}
		w.mu.Lock()
		w.pairs[p] = struct{}{}
		if w.budget != nil {
			p.left = w.budget()
		}
		w.mu.Unlock()
		w.wg.Go(func() { defer w.end(p); w.carryUp(p) })
		w.wg.Go(func() { defer w.end(p); w.carryDown(p) })
	}
}

func (w *wire) end(p *pair) {
	_ = p.client.Close()
	_ = p.server.Close()
	w.mu.Lock()
	delete(w.pairs, p)
	w.mu.Unlock()
}

func (w *wire) carryUp(p *pair) {
	buf := make([]byte, 16<<10)
	for {
		if !w.pass(p, &w.up) {
			return
		}
		n, err := p.client.Read(buf)
		if err != nil || !w.pass(p, &w.up) {
			return
		}
		n, cut := w.spend(p, n)
		if _, err := p.server.Write(buf[:n]); err != nil || cut {
			return
		}
	}
}

func (w *wire) carryDown(p *pair) {
	for {
		head := make([]byte, 7)
		if _, err := io.ReadFull(p.server, head); err != nil {
			return
		}
		frame := make([]byte, 7+binary.BigEndian.Uint32(head[3:])+1)
		copy(frame, head)
		if _, err := io.ReadFull(p.server, frame[7:]); err != nil || !w.pass(p, &w.down) {
			return
		}
		n, cut := w.spend(p, len(frame))
		p.writing.Lock()
		_, err := p.client.Write(frame[:n])
		p.writing.Unlock()
		if err != nil || cut {
			return
		}
	}
}

// pass waits while a direction is held back. It is false when the pair is gone.
func (w *wire) pass(p *pair, held *bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for *held && !w.closed {
		if _, there := w.pairs[p]; !there {
			return false
		}
		w.changed.Wait()
	}
	_, there := w.pairs[p]
	return there
}

// spend takes n bytes from what the pair may carry.
func (w *wire) spend(p *pair, n int) (carry int, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.left < 0 {
		return n, false
	}
	if int64(n) < p.left {
		p.left -= int64(n)
		return n, false
	}
	return int(p.left), true
}

// hold holds back what goes to RabbitMQ, and what comes from it, or not.
func (w *wire) hold(up, down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.up, w.down = up, down
	w.changed.Broadcast()
}

// cutAfter has new connections cut after so many bytes.
func (w *wire) cutAfter(budget func() int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.budget = budget
}

// cut ends all connections.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.pairs {
		_ = p.client.Close()
		_ = p.server.Close()
		delete(w.pairs, p)
	}
	w.changed.Broadcast()
}

// say puts a method of RabbitMQ's on channel 0 between its frames.
func (w *wire) say(class, method uint16, args []byte) {
	payload := binary.BigEndian.AppendUint16(nil, class)
	payload = append(binary.BigEndian.AppendUint16(payload, method), args...)
	frame := binary.BigEndian.AppendUint32([]byte{1, 0, 0}, uint32(len(payload)))
	frame = append(append(frame, payload...), 0xce)
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.pairs {
		p.writing.Lock()
		_, _ = p.client.Write(frame)
		p.writing.Unlock()
	}
}

// alarm says that RabbitMQ blocks publishers, and has it read nothing, or not.
func (w *wire) alarm(on bool) {
	if on {
		w.say(10, 60, append([]byte{13}, "low on memory"...))
	} else {
		w.say(10, 61, nil)
	}
	w.hold(on, false)
}
