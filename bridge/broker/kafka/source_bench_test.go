package kafka_test

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// BenchmarkSource reads records of 1 KiB with four headers and acknowledges them
// at once, carrier by carrier; BenchmarkRawPoll is a loop that only polls. Use
// -benchtime 300000x.
func BenchmarkSource(b *testing.B) {
	l := benchLog(b)
	in := l.read(b, keeping(&positions{}), func(s setup) { s.Broker.Tune(30e9, 3e9) })
	b.ReportAllocs()
	b.ResetTimer()
	carriers, n := 0, 0
	for n < b.N {
		c, _ := broker.Unpack(<-in.Carriers)
		c.Session.Ack(c.Tokens)
		n += len(c.Tokens)
		carriers++
	}
	b.StopTimer()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(n)/float64(carriers), "msg/carrier")
}

func BenchmarkRawPoll(b *testing.B) {
	l := benchLog(b)
	client := rig.Client(b, kgo.ConsumerGroup(l.name), kgo.ConsumeTopics(l.name), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		n += client.PollFetches(context.Background()).NumRecords()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func benchLog(b *testing.B) *log {
	const partitions = 6
	l := newLog(b, rig.Topic(b, partitions), protocol{})
	body := make([]byte, 1024)
	for left := b.N; left > 0; left -= 6000 {
		records := make([]*kgo.Record, min(left, 6000))
		for i := range records {
			records[i] = &kgo.Record{Partition: int32(i % partitions), Key: []byte("key-1234567"), Value: body, Headers: []kgo.RecordHeader{
				{Key: "bridge-message-id", Value: []byte("f81d4fae-7dec-11d0")},
				{Key: "key", Value: []byte("key-1234567")},
				{Key: "revision", Value: []byte("17")},
				{Key: "type", Value: []byte("OrderChanged")},
			}}
		}
		l.produce(b, records...)
	}
	return l
}
