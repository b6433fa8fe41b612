package rawloop_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
)

// BenchmarkRawLoop moves a source that is full when it starts, so that neither
// the producer nor an empty source is measured.
func BenchmarkRawLoop(b *testing.B) {
	const n = 60_000
	for from, source := range kinds {
		for to, target := range kinds {
			b.Run(from+" to "+to, func(b *testing.B) {
				var last rawloop.Result
				for range b.N {
					b.StopTimer()
					in, out := source(b), target(b)
					in.fill(n)
					b.StartTimer()
					result, err := rawloop.Run(b.Context(), in, out, n)
					if err != nil {
						b.Fatal(err)
					}
					last = result
				}
				b.ReportMetric(last.Rate(), "msg/s")
			})
		}
	}
}
