package ordering

import (
	"errors"
	"runtime"
	"sync"

	"github.com/brokerbridge/bridge/ordering/store"
)

// preloadLeast is how many lanes are worth asking the store for side by side.
const preloadLeast = 16

// preload reads the lanes of messages that are not in memory, all processors at
// it: one read of a key that was not needed lately costs several times what the
// rest of its message does. A lane that could not be read is read again when its
// message arrives, which then hears of the error.
func (l *loop) preload(items []*item) {
	if len(items) < preloadLeast || l.cfg.Order == Unordered {
		return
	}
	missing := l.missing(items)
	if len(missing) < preloadLeast {
		return
	}
	read := make([]*store.Record, len(missing))
	_ = sideBySide(len(missing), func(from, to int) error {
		for i := from; i < to; i++ {
			if rec, err := l.load(missing[i], false); err == nil {
				read[i] = &rec
			}
		}
		return nil
	})
	for _, rec := range read {
		if rec != nil {
			l.remember(*rec)
		}
	}
}

// sideBySide has all processors read from the store, each a part of a list of n; a
// short list is not parted.
func sideBySide(n int, read func(from, to int) error) error {
	parts := max(1, min(runtime.GOMAXPROCS(0), n/(preloadLeast/2)))
	errs := make([]error, parts)
	var wait sync.WaitGroup
	for part := range parts {
		wait.Go(func() { errs[part] = read(part*n/parts, (part+1)*n/parts) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// missing are the lanes of messages that are not in memory, each once.
func (l *loop) missing(items []*item) []laneKey {
	var keys []laneKey
	var seen map[laneKey]bool
	for _, it := range items {
		k := laneKey{it.id.Key, it.id.Epoch}
		if _, known := l.lanes.get(k); known || it.refusal != nil || seen[k] {
			continue
		}
		if seen == nil {
			seen = map[laneKey]bool{}
		}
		seen[k] = true
		keys = append(keys, k)
	}
	return keys
}
