package amqp

import (
	"net"
	"sync"
)

// line is what the AMQP client has for a socket. It reads what [frames] lets
// through. While it is corked it gathers what is written: the client flushes
// each frame, and a thousand acknowledgements would be a thousand system calls.
type line struct {
	net.Conn
	in *frames

	mu     sync.Mutex
	corked int
	buf    []byte
}

func newLine(conn net.Conn) *line { return &line{Conn: conn, in: newFrames(conn)} }

func (l *line) Read(p []byte) (int, error) { return l.in.Read(p) }

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.corked == 0 {
		return l.Conn.Write(p)
	}
	l.buf = append(l.buf, p...)
	return len(p), nil
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
	if l.corked--; l.corked > 0 || len(l.buf) == 0 {
		return
	}
	if _, err := l.Conn.Write(l.buf); err != nil {
		_ = l.Conn.Close()
	}
	l.buf = l.buf[:0]
}
