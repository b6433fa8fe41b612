package amqp

const (
	defaultWindow      = 2000
	defaultWindowBytes = 64 << 20
	firstPrefetch      = 50
	// So many deliveries say enough about the size of the next.
	sample = 20
)

// mean is the moving average of what deliveries weigh.
type mean struct {
	seen  int
	bytes float64
}

func (m *mean) add(size int64) {
	m.seen++
	// A true average first, then one that forgets.
	m.bytes += (float64(size) - m.bytes) / float64(min(m.seen, 256))
}

// fits is how many messages the window may hold by count and by size.
func (s *Source) fits() int {
	if s.mean.seen < sample {
		return min(firstPrefetch, s.from.Window)
	}
	// A part of the bytes is left for messages that are larger than most.
	byBytes := 0.75 * float64(s.from.WindowBytes) / max(s.mean.bytes, 1)
	return max(1, int(min(float64(s.from.Window), byBytes)))
}

// worthMore reports whether a consumer with a larger prefetch should take over.
// RabbitMQ bounds each consumer of a channel by itself, so what is open already
// counts against the new one; it must be worth the round trips.
func worthMore(prefetch, fits, open int) bool {
	return 2*(fits-open) >= 3*prefetch
}
