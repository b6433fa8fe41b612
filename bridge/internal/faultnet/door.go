// Package faultnet stands between a client and its broker, to do to their
// connections what networks do.
package faultnet

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Door passes connections on while it is open.
type Door struct {
	listener net.Listener
	upstream string

	knocks atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	shut  bool
	wg    sync.WaitGroup
}

// NewDoor opens a door to an address. It is gone with the test.
func NewDoor(t testing.TB, upstream string) *Door {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &Door{listener: listener, upstream: upstream, conns: map[net.Conn]struct{}{}}
	d.wg.Go(d.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		d.Shut()
		d.wg.Wait()
	})
	return d
}

// Addr is where clients find it.
func (d *Door) Addr() string { return d.listener.Addr().String() }

// Knocks is how many connections were tried so far, whether or not it was open.
func (d *Door) Knocks() int { return int(d.knocks.Load()) }

// Shut ends all connections, without a word, and lets no other in.
func (d *Door) Shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	for c := range d.conns {
		_ = c.Close()
	}
	clear(d.conns)
}

// Open lets connections in again.
func (d *Door) Open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = false
}

func (d *Door) accept() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.knocks.Add(1)
		server, err := net.Dial("tcp", d.upstream)
		if err != nil || !d.keep(client, server) {
			_ = client.Close()
			continue
		}
		d.wg.Go(func() { pass(client, server) })
		d.wg.Go(func() { pass(server, client) })
	}
}

// keep notes both ends; false where the door is shut, and both are closed.
func (d *Door) keep(client, server net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		_ = client.Close()
		_ = server.Close()
		return false
	}
	d.conns[client] = struct{}{}
	d.conns[server] = struct{}{}
	return true
}

func pass(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	_ = from.Close()
	_ = to.Close()
}
