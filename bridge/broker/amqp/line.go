package amqp

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	corkBytes = 64 << 10 // what a cork holds back, at most
	// How long the peer may take to take one write in. It is generous: RabbitMQ
	// reads slowly when it is busy.
	writeTimeout = 30 * time.Second
)

// line is what the AMQP client has for a socket. It reads what [frames] lets
// through. While it is corked it gathers what is written: the client flushes
// each frame, and a thousand acknowledgements would be a thousand system calls.
type line struct {
	net.Conn
	in *frames

	// Either of these says that writes have no deadline of the line's own.
	bound   atomic.Bool // the client has set one, to open or to close the connection
	patient atomic.Bool

	mu     sync.Mutex
	corked int
	buf    []byte
}

func newLine(conn net.Conn) *line { return &line{Conn: conn, in: newFrames(conn)} }

// Read reads. A failure ends writing too: the client, before it ends a
// connection, waits for a write that hangs.
func (l *line) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	if err != nil {
		_ = l.Conn.Close()
	}
	return n, err
}

// SetDeadline is how the client bounds opening and closing, or no longer does.
func (l *line) SetDeadline(t time.Time) error {
	l.bound.Store(!t.IsZero())
	return l.Conn.SetDeadline(t)
}

// wait says that the peer has told us not to expect it to read, or that it
// reads again. It is heeded by a write that hangs already.
func (l *line) wait(on bool) {
	l.patient.Store(on)
	switch {
	case l.bound.Load():
	case on:
		_ = l.Conn.SetWriteDeadline(time.Time{})
	default:
		_ = l.Conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	}
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.corked == 0 {
		return l.put(p)
	}
	if len(l.buf)+len(p) > corkBytes {
		if err := l.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) > corkBytes {
		return l.put(p)
	}
	l.buf = append(l.buf, p...)
	return len(p), nil
}

func (l *line) put(p []byte) (int, error) {
	if !l.bound.Load() && !l.patient.Load() {
		_ = l.Conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	}
	return l.Conn.Write(p)
}

func (l *line) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	_, err := l.put(l.buf)
	l.buf = l.buf[:0]
	return err
}

func (l *line) cork() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.corked++
}

// uncork writes what was gathered. A failure closes the socket, which ends the
// connection as any failed write would.
func (l *line) uncork() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.corked--; l.corked > 0 {
		return
	}
	if err := l.flush(); err != nil {
		_ = l.Conn.Close()
	}
}
