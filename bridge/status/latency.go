package status

// LatencyBounds are the upper bounds, in seconds, by which latencies are shown to
// those who count: those that OpenTelemetry advises for
// messaging.client.operation.duration.
var LatencyBounds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// Latency counts the messages of a route by how long they took, since the process
// started. What is counted never becomes less.
type Latency struct {
	Buckets []Bucket // ascending; among their bounds are those of LatencyBounds
	Count   uint64   // of all messages, also of those above the last bound
	Sum     float64  // of what they took, in seconds
}

// Bucket counts messages that took at most UpTo seconds, and so those of the
// buckets below as well.
type Bucket struct {
	UpTo  float64
	Count uint64
}

// UpTo is how many messages took at most as many seconds; it must be one of the
// bounds.
func (l Latency) UpTo(seconds float64) uint64 {
	for _, b := range l.Buckets {
		if b.UpTo == seconds {
			return b.Count
		}
	}
	return 0
}
