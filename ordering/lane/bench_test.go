package lane

import (
	"testing"
	"time"
)

// BenchmarkInOrder is the path of nearly every message.
func BenchmarkInOrder(b *testing.B) {
	rules := defaultRules()
	l := New(&rules, Fresh(&rules))
	now := time.Now()
	var out []Effect
	b.ReportAllocs()
	for r := Revision(1); b.Loop(); r++ {
		out = l.Step(out[:0], Event{Kind: Arrive, Rev: r, Print: Print(r), At: now})
		out = l.Step(out[:0], Event{Kind: Confirmed, Rev: r, At: now})
		out = l.Step(out[:0], Event{Kind: Committed, Rev: r + 1, At: now})
	}
	if l.Next < 2 || !l.Idle() {
		b.Fatal("nothing was settled")
	}
}

// BenchmarkBatched commits once for sixteen messages.
func BenchmarkBatched(b *testing.B) {
	rules := defaultRules()
	l := New(&rules, Fresh(&rules))
	now := time.Now()
	var out []Effect
	b.ReportAllocs()
	for r := Revision(1); b.Loop(); r++ {
		out = l.Step(out[:0], Event{Kind: Arrive, Rev: r, Print: Print(r), At: now})
		out = l.Step(out[:0], Event{Kind: Confirmed, Rev: r, At: now})
		if r%16 == 0 {
			out = l.Step(out[:0], Event{Kind: Committed, Rev: r + 1, At: now})
		}
	}
}

// BenchmarkDisplaced is a message whose successors came first, n of them at once.
func BenchmarkDisplaced(b *testing.B) {
	for name, n := range map[string]Revision{"2": 2, "16": 16, "100": 100} {
		b.Run(name, func(b *testing.B) {
			rules := defaultRules()
			rules.MaxAhead, rules.MaxHeld = 1000, 1000
			l := New(&rules, Fresh(&rules))
			now := time.Now()
			var out []Effect
			b.ReportAllocs()
			for base := Revision(1); b.Loop(); base += n {
				for r := base + n - 1; r >= base; r-- {
					out = l.Step(out[:0], Event{Kind: Arrive, Rev: r, Print: Print(r), At: now})
				}
				for r := base; r < base+n; r++ {
					out = l.Step(out[:0], Event{Kind: Confirmed, Rev: r, At: now})
				}
				out = l.Step(out[:0], Event{Kind: Committed, Rev: base + n, At: now})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/message")
			if l.Held() > 0 {
				b.Fatal("something waits")
			}
		})
	}
}
