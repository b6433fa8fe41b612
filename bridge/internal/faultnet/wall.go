package faultnet

import (
	"net"
	"sync"
	"testing"
)

// Wall passes on what connections say, or holds it back: then nothing passes, and
// nothing is lost.
type Wall struct {
	listener net.Listener
	gate     sync.RWMutex
}

// NewWall stands before an address. It is gone with the test, whose connections end
// before.
func NewWall(t testing.TB, upstream string) *Wall {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wall{listener: listener}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = client.Close()
				continue
			}
			wg.Go(func() { w.pass(client, server) })
			wg.Go(func() { w.pass(server, client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		wg.Wait()
	})
	return w
}

// Addr is where clients find it.
func (w *Wall) Addr() string { return w.listener.Addr().String() }

// Hold lets nothing through until Pass is called.
func (w *Wall) Hold() { w.gate.Lock() }

// Pass lets through what was held, and what comes.
func (w *Wall) Pass() { w.gate.Unlock() }

func (w *Wall) pass(from, to net.Conn) {
	defer func() { _, _ = from.Close(), to.Close() }()
	piece := make([]byte, 4096)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		w.gate.RLock()
		_, err = to.Write(piece[:n])
		w.gate.RUnlock()
		if err != nil {
			return
		}
	}
}
