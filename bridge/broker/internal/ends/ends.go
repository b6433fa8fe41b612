// Package ends is what a broker has open: its sources and targets.
package ends

import (
	"errors"
	"io"
	"slices"
	"sync"
)

// Ends are those that were not closed yet. The zero value has none; it is safe for
// concurrent use.
type Ends struct {
	mu   sync.Mutex
	open []io.Closer
}

// Keep notes one that was opened.
func (e *Ends) Keep(end io.Closer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open = append(e.open, end)
}

// Forget notes that one closes by itself.
func (e *Ends) Forget(end io.Closer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open = slices.DeleteFunc(e.open, func(o io.Closer) bool { return o == end })
}

// Close closes those that are left, each of which may call Forget meanwhile.
func (e *Ends) Close() error {
	e.mu.Lock()
	open := e.open
	e.open = nil
	e.mu.Unlock()
	var errs []error
	for _, end := range open {
		errs = append(errs, end.Close())
	}
	return errors.Join(errs...)
}
