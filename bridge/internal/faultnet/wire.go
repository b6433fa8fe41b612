package faultnet

import (
	"bufio"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Wire passes the frames of a broker's protocol on, until it is told to do
// something worse. Unlike a [Door] it knows where a frame ends.
type Wire struct {
	listener net.Listener
	upstream string
	speak    protocol

	lost atomic.Int64

	mu      sync.Mutex
	trouble Trouble
	changed chan struct{} // closed when the trouble changes
	links   map[*link]struct{}
	wg      sync.WaitGroup
}

// Way is a direction on a wire.
type Way int

// The ways, seen from the client.
const (
	Neither Way = iota
	Out
	In
	Both
)

func (w Way) has(one Way) bool { return w == one || w == Both }

// Trouble is what a wire does. The zero value is none.
type Trouble struct {
	Delay time.Duration // each frame comes so much later, as over a long line
	Rate  int           // bytes a second, at most, in each direction; 0: as they come
	Hole  Way           // nothing passes this way, and nobody is told
	Shut  bool          // all connections end, and no other is let in

	// Cut has each connection end after so many frames this way, counted from
	// now on; Middle lets half of the last one through.
	Cut    Way
	Frames int
	Middle bool
}

// NewAMQP lays a wire to a RabbitMQ. It is gone with the test.
func NewAMQP(t testing.TB, upstream string) *Wire {
	t.Helper()
	return newWire(t, upstream, func(string) conversation { return amqpFrames{} })
}

// NewKafka lays a wire to a Kafka, which then tells its clients to come this way.
func NewKafka(t testing.TB, upstream string) *Wire {
	t.Helper()
	return newWire(t, upstream, newKafkaTalk)
}

func newWire(t testing.TB, upstream string, speak protocol) *Wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{
		listener: listener, upstream: upstream, speak: speak,
		changed: make(chan struct{}), links: map[*link]struct{}{},
	}
	w.wg.Go(w.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		w.Set(Trouble{Shut: true})
		w.wg.Wait()
	})
	return w
}

// Addr is where clients find it.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

// Lost is how many connections have ended so far, whoever ended them.
func (w *Wire) Lost() int { return int(w.lost.Load()) }

// Set has the wire do this from now on, and nothing that it was told before.
// What a hole has swallowed so far is passed on when it closes, as TCP does it.
func (w *Wire) Set(t Trouble) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble = t
	close(w.changed)
	w.changed = make(chan struct{})
	if t.Shut {
		w.end(false)
	}
}

// Reset ends all connections, and both ends get a reset.
func (w *Wire) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end(true)
}

func (w *Wire) end(hard bool) {
	for l := range w.links {
		l.end(hard)
	}
}

// now is the trouble, and what tells that it is another.
func (w *Wire) now() (Trouble, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trouble, w.changed
}

func (w *Wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.DialTimeout("tcp", w.upstream, 5*time.Second)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{wire: w, client: client, server: server, over: make(chan struct{})}
		if !w.keep(l) {
			l.end(false)
			continue
		}
		talk := w.speak(w.Addr())
		w.wg.Go(func() { l.carry(Out, client, server, talk.request) })
		w.wg.Go(func() { l.carry(In, server, client, talk.answer) })
	}
}

func (w *Wire) keep(l *link) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.trouble.Shut {
		return false
	}
	w.links[l] = struct{}{}
	return true
}

// link is one connection and its other half.
type link struct {
	wire           *Wire
	client, server net.Conn
	once           sync.Once
	over           chan struct{}
}

func (l *link) end(hard bool) {
	l.once.Do(func() {
		close(l.over)
		for _, c := range []net.Conn{l.client, l.server} {
			if tcp, ok := c.(*net.TCPConn); ok && hard {
				_ = tcp.SetLinger(0)
			}
			_ = c.Close()
		}
	})
}

// carry moves frames one way until the connection ends.
func (l *link) carry(way Way, from, to net.Conn, next reader) {
	queue := make(chan parcel, 64)
	l.wire.wg.Go(func() {
		defer close(queue)
		in := bufio.NewReader(from)
		for {
			frame, err := next(in)
			if err != nil {
				return
			}
			select {
			case queue <- parcel{frame, time.Now()}:
			case <-l.over:
				return
			}
		}
	})
	l.deliver(way, to, queue)
	l.end(false)
	if way == Out {
		l.wire.lost.Add(1)
		l.wire.mu.Lock()
		delete(l.wire.links, l)
		l.wire.mu.Unlock()
	}
}

// parcel is a frame and when it came.
type parcel struct {
	frame []byte
	came  time.Time
}

// deliver writes what the queue has, as the trouble of the moment wants it.
func (l *link) deliver(way Way, to net.Conn, queue <-chan parcel) {
	c := cutter{way: way}
	for p := range queue {
		t, ok := l.pass(way, p)
		if !ok {
			return
		}
		frame, last := c.cut(t, p.frame)
		if !l.write(to, frame, t.Rate) || last {
			return
		}
	}
}

// pass waits until a frame may go on; false when the connection is over.
func (l *link) pass(way Way, p parcel) (Trouble, bool) {
	for {
		t, changed := l.wire.now()
		wait := time.Until(p.came.Add(t.Delay))
		if !t.Hole.has(way) && wait <= 0 {
			return t, true
		}
		var due <-chan time.Time
		if !t.Hole.has(way) {
			due = time.After(wait)
		}
		select {
		case <-due:
		case <-changed:
		case <-l.over:
			return t, false
		}
	}
}

// write sends a frame, in pieces if it has to be slow.
func (l *link) write(to net.Conn, frame []byte, rate int) bool {
	if rate == 0 {
		_, err := to.Write(frame)
		return err == nil
	}
	const pieces = 50 // a second
	step := max(rate/pieces, 1)
	for len(frame) > 0 {
		n := min(step, len(frame))
		if _, err := to.Write(frame[:n]); err != nil {
			return false
		}
		frame = frame[n:]
		select {
		case <-time.After(time.Second * time.Duration(n) / time.Duration(rate)):
		case <-l.over:
			return false
		}
	}
	return true
}

// cutter counts the frames of a connection that is to be cut.
type cutter struct {
	way   Way
	order Trouble // the one it counts for
	count int
}

// cut is what of a frame goes on, and whether it is the last.
func (c *cutter) cut(t Trouble, frame []byte) ([]byte, bool) {
	if t != c.order {
		c.order, c.count = t, 0
	}
	if !t.Cut.has(c.way) {
		return frame, false
	}
	c.count++
	switch {
	case c.count < t.Frames:
		return frame, false
	case t.Middle:
		return frame[:len(frame)/2], true
	}
	return frame, true
}
