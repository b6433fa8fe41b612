package rawloop_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// BenchmarkRawLoop moves a queue that is full when it starts, so that neither
// the producer nor an empty queue is measured.
func BenchmarkRawLoop(b *testing.B) {
	const n = 60_000
	msgs := messages(n)
	var last rawloop.Result
	for range b.N {
		b.StopTimer()
		queue, topic := rig.Queue(b), rig.Topic(b, 6)
		rig.Publish(b, queue, msgs...)
		b.StartTimer()
		result, err := rawloop.Run(b.Context(), rig.AMQP(b), queue, rig.Kafka(b), topic, n)
		if err != nil {
			b.Fatal(err)
		}
		last = result
	}
	b.ReportMetric(last.Rate(), "msg/s")
}
