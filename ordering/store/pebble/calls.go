package pebble

import "sync"

// calls counts the calls under way, so that Close can wait for them. Unlike a
// read lock it may be begun while a Close waits, and is then refused.
type calls struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // closed when closed and n is 0
}

func newCalls() calls { return calls{idle: make(chan struct{})} }

// begin reports whether the call may go on; if so, end ends it.
func (c *calls) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.n++
	return true
}

func (c *calls) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.n == 0 && c.closed {
		close(c.idle)
	}
}

// more is begin for a part of a call that outlives it.
func (c *calls) more() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

// close lets no more calls begin; false if it was called before.
func (c *calls) close() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.closed = true
	if c.n == 0 {
		close(c.idle)
	}
	return true
}
