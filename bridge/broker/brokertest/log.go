package brokertest

import (
	"bytes"
	"sync"
)

// Log collects what an edge logs, from whichever goroutine.
type Log struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write adds to it.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// String is all of it so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
