package rawloop

import (
	"context"
	"sync"
	"time"
)

// progress knows up to which message of each partition all are finished.
type progress struct {
	grown chan struct{} // has an element after a prefix grew

	mu    sync.Mutex
	parts map[int32]*prefix
	total int // messages in all prefixes
}

func newProgress() *progress {
	return &progress{grown: make(chan struct{}, 1), parts: map[int32]*prefix{}}
}

// begin says what the first offset of a partition is.
func (p *progress) begin(partition int32, first int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts[partition] = newPrefix(first)
}

// finish marks a message.
func (p *progress) finish(at place) {
	p.mu.Lock()
	n := p.parts[at.partition].finish(at.offset)
	p.total += n
	p.mu.Unlock()
	if n == 0 {
		return
	}
	select {
	case p.grown <- struct{}{}:
	default: // someone is about to look anyway
	}
}

// ends notes the offset that follows each prefix, and returns how many messages
// the prefixes hold.
func (p *progress) ends(into map[int32]int64) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for partition, prefix := range p.parts {
		into[partition] = prefix.next
	}
	return p.total
}

// follow calls ack with the ends as they grow, until n messages are before them.
// Confirms come in batches: between two calls it lets more of them come.
func (p *progress) follow(ctx context.Context, n int, every time.Duration, ack func(map[int32]int64) error) error {
	ends := map[int32]int64{}
	for acked := 0; acked < n; {
		select {
		case <-p.grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		time.Sleep(every)
		total := p.ends(ends)
		if total == acked {
			continue
		}
		if err := ack(ends); err != nil {
			return err
		}
		acked = total
	}
	return nil
}
