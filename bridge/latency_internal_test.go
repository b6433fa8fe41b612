package bridge

import (
	"testing"
	"time"
)

func BenchmarkLatencyConfirmed(b *testing.B) {
	l := newLatency()
	for b.Loop() {
		l.confirmed(3 * time.Millisecond)
	}
}
