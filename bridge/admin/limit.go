package admin

import (
	"net"
	"sync"
)

// limitListener accepts no more connections than it has room for; the others
// wait in the system's queue. It keeps callers from using up the memory and file
// descriptors that the routes need.
type limitListener struct {
	net.Listener
	room  chan struct{}
	ended chan struct{}
	once  sync.Once
}

func limited(l net.Listener, most int) *limitListener {
	return &limitListener{Listener: l, room: make(chan struct{}, most), ended: make(chan struct{})}
}

func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.ended:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &limitConn{Conn: c, leave: sync.OnceFunc(func() { <-l.room })}, nil
}

func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.ended) })
	return l.Listener.Close()
}

type limitConn struct {
	net.Conn
	leave func()
}

func (c *limitConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
