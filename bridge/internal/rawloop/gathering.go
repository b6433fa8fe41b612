package rawloop

import (
	"net"
	"sync"
	"time"
)

// dialTimeout is for connecting and, as with the client's own dial, logging in.
const dialTimeout = 30 * time.Second

// gathering is a socket that, while it writes, gathers what is to be written
// next. The client flushes each message: that would be as many system calls.
type gathering struct {
	net.Conn
	wake  chan struct{} // has an element when there is something to write
	ended chan struct{}
	end   sync.Once

	mu  sync.Mutex
	buf []byte
	err error
}

func dialGathering(network, addr string) (net.Conn, error) {
	conn, err := net.DialTimeout(network, addr, dialTimeout)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return nil, err
	}
	g := &gathering{Conn: conn, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go g.run()
	return g, nil
}

// Write returns before p is written, with the error of an earlier one.
func (g *gathering) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	g.buf = append(g.buf, p...)
	select {
	case g.wake <- struct{}{}:
	default: // it is awake
	}
	return len(p), nil
}

func (g *gathering) run() {
	var out []byte
	for {
		select {
		case <-g.wake:
		case <-g.ended:
			return
		}
		g.mu.Lock()
		g.buf, out = out[:0], g.buf
		g.mu.Unlock()
		if _, err := g.Conn.Write(out); err != nil {
			g.mu.Lock()
			g.err = err
			g.mu.Unlock()
			_ = g.Close() // ends the connection as any failed write does
		}
	}
}

func (g *gathering) Close() error {
	g.end.Do(func() { close(g.ended) })
	return g.Conn.Close()
}
