package history

import (
	"math"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// percentiles are those of what was counted between two readings; nil: nothing was.
func percentiles(then, now status.Latency) *api.Latency {
	buckets := make([]status.Bucket, len(now.Buckets))
	copy(buckets, now.Buckets)
	count := now.Count
	if len(then.Buckets) == len(buckets) && then.Count <= count {
		count -= then.Count
		for i := range buckets {
			buckets[i].Count -= min(buckets[i].Count, then.Buckets[i].Count)
		}
	}
	if count == 0 || len(buckets) == 0 {
		return nil
	}
	return &api.Latency{P50: percentile(buckets, count, 0.5), P95: percentile(buckets, count, 0.95), P99: percentile(buckets, count, 0.99)}
}

// percentile is the value below which a part of all values lies, taken to be spread
// evenly within each bucket; of those above the last bound only that is known.
func percentile(buckets []status.Bucket, count uint64, part float64) float64 {
	rank := part * float64(count)
	low, below := 0.0, 0.0
	for _, b := range buckets {
		if n := float64(b.Count); n >= rank && n > below {
			return round(low + (b.UpTo-low)*(rank-below)/(n-below))
		}
		low, below = b.UpTo, float64(b.Count)
	}
	return low
}

// round leaves microseconds.
func round(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }
