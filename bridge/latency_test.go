package bridge_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/status"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestLatencyCountsWhatTheTargetHas counts each message once, in buckets that are
// cumulative and have the bounds that metrics show.
func TestLatencyCountsWhatTheTargetHas(t *testing.T) {
	r := start(t, memorystore.New())
	r.in.Put("one", event("a", 1), event("a", 2), event("a", 2), event("b", 1))
	await(t, "three", func() bool { l, ok := r.Latency("one"); return ok && l.Count == 3 })
	l, _ := r.Latency("one")
	if l.Sum <= 0 || l.Sum > 90 {
		t.Errorf("%v seconds for three messages", l.Sum)
	}
	for i, b := range l.Buckets {
		if i > 0 && (b.UpTo <= l.Buckets[i-1].UpTo || b.Count < l.Buckets[i-1].Count) {
			t.Errorf("bucket %d is %+v behind %+v", i, b, l.Buckets[i-1])
		}
	}
	if last := l.Buckets[len(l.Buckets)-1]; last.Count != 3 || l.UpTo(10) != 3 {
		t.Errorf("%+v, and %d of 3 took 10 s at most", last, l.UpTo(10))
	}
	if other, ok := r.Latency("two"); !ok || other.Count != 0 {
		t.Errorf("another route: %+v, %v", other, ok)
	}
	if _, ok := r.Latency("three"); ok {
		t.Error("there is no third route")
	}
}

func TestLatencyHasTheBoundsOfMetrics(t *testing.T) {
	l, _ := start(t, memorystore.New()).Latency("one")
	has := map[float64]bool{}
	for _, b := range l.Buckets {
		has[b.UpTo] = true
	}
	for _, bound := range status.LatencyBounds {
		if !has[bound] {
			t.Errorf("no bucket up to %v s", bound)
		}
	}
}
