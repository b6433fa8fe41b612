package lane

import (
	"testing"
	"time"
)

// BenchmarkInOrder is the path of nearly every message: it arrives and leaves, the
// target has it, its checkpoint is durable. The aim is 50 ns.
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
	if settled := int(l.Next - 1); settled != b.N || !l.Idle() {
		b.Fatalf("%d of %d were settled", settled, b.N)
	}
}

// A message in order allocates nothing, so that lanes cost no garbage.
func TestInOrderAllocatesNothing(t *testing.T) {
	const messages = 1000
	rules := defaultRules()
	l := New(&rules, Fresh(&rules))
	now := time.Now()
	out := make([]Effect, 0, 4)
	delivered, settled := 0, 0
	count := func() {
		for _, ef := range out {
			switch ef.Verb {
			case Deliver:
				delivered++
			case Settle:
				settled++
			default:
				t.Errorf("%s %d", ef.Verb, ef.Rev)
			}
		}
	}
	allocs := testing.AllocsPerRun(messages-1, func() { // and once to warm up
		r := l.Next
		out = l.Step(out[:0], Event{Kind: Arrive, Rev: r, Print: Print(r), At: now})
		count()
		out = l.Step(out[:0], Event{Kind: Confirmed, Rev: r, At: now})
		count()
		out = l.Step(out[:0], Event{Kind: Committed, Rev: r + 1, At: now})
		count()
	})
	if allocs > 0 {
		t.Errorf("%v allocations per message", allocs)
	}
	if delivered != messages || settled != messages || !l.Idle() {
		t.Errorf("%d were delivered and %d settled of %d", delivered, settled, messages)
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
	if settled := int(l.Next - 1); settled != b.N {
		b.Fatalf("%d of %d were settled", settled, b.N)
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
