package bridge

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/brokerbridge/bridge/bridge/status"
)

// fine are the upper bounds by which latencies are counted: those of
// [status.LatencyBounds], and others below and above, so that a percentile of a
// fast route, or of a late one, says something.
var fine = func() []time.Duration {
	all := []time.Duration{
		250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 15 * time.Millisecond,
		20 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour,
	}
	for _, seconds := range status.LatencyBounds {
		all = append(all, time.Duration(seconds*float64(time.Second)))
	}
	slices.Sort(all)
	return all
}()

// latency counts messages by how long they took. It is written by one goroutine,
// a few nanoseconds a message, and read by any.
type latency struct {
	counts []atomic.Uint64 // by fine; the last one: longer than all of them
	sum    atomic.Int64    // nanoseconds
}

func newLatency() *latency { return &latency{counts: make([]atomic.Uint64, len(fine)+1)} }

// confirmed counts a message.
func (l *latency) confirmed(after time.Duration) {
	i, _ := slices.BinarySearch(fine, after)
	l.counts[i].Add(1)
	l.sum.Add(int64(after))
}

// read is what was counted so far.
func (l *latency) read() status.Latency {
	out := status.Latency{Sum: time.Duration(l.sum.Load()).Seconds(), Buckets: make([]status.Bucket, len(l.counts))}
	for i := range l.counts {
		out.Count += l.counts[i].Load()
		out.Buckets[i].Count = out.Count
		if i < len(fine) {
			out.Buckets[i].UpTo = fine[i].Seconds()
		}
	}
	out.Buckets = out.Buckets[:len(fine)]
	return out
}

// Latency is how long the messages of a route took, since the process started:
// from when they were taken from the source, or put into the store last, until the
// target had confirmed them. Dead letters that were sent again are not counted.
// False: there is no such route.
func (b *Bridge) Latency(route string) (status.Latency, bool) {
	r := b.route(route)
	if r == nil {
		return status.Latency{}, false
	}
	return r.latency.read(), true
}
