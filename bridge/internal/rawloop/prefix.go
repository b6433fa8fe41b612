package rawloop

import "sync"

// prefix knows up to which delivery all are finished. Tags rise from 1, and at
// most prefetch of them are open at a time, so a ring of that size holds them.
type prefix struct {
	grown chan struct{} // has an element after the end moved

	mu   sync.Mutex
	last uint64
	done [prefetch]bool
}

func newPrefix() *prefix { return &prefix{grown: make(chan struct{}, 1)} }

// finish marks one tag.
func (p *prefix) finish(tag uint64) {
	p.mu.Lock()
	p.done[tag%prefetch] = true
	before := p.last
	for p.done[(p.last+1)%prefetch] {
		p.last++
		p.done[p.last%prefetch] = false
	}
	moved := p.last != before
	p.mu.Unlock()
	if moved {
		select {
		case p.grown <- struct{}{}:
		default: // someone is about to look anyway
		}
	}
}

// end is the last tag of the finished prefix.
func (p *prefix) end() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}
