package foreign_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/foreign"
)

// names are all headers that are read.
var names = []string{
	broker.HeaderAMQP, "x-first-death-queue", "x-first-death-reason", "x-last-death-queue", "x-last-death-reason",
	"kafka_dlt-original-topic", "kafka_dlt-original-partition", "kafka_dlt-original-offset", "kafka_dlt-exception-fqcn",
	"kafka_dlt-exception-cause-fqcn", "kafka_dlt-exception-message", "retry_topic-attempts",
	"__connect.errors.topic", "__connect.errors.partition", "__connect.errors.offset", "__connect.errors.stage",
	"__connect.errors.exception.class.name", "__connect.errors.exception.message",
	"reason_poisoned", "topic_poisoned", "handler_poisoned",
	"NServiceBus.FailedQ", "NServiceBus.ExceptionInfo.ExceptionType", "NServiceBus.ExceptionInfo.Message",
	"NServiceBus.TimeOfFailure", "NServiceBus.Retries",
	"DeadLetterReason", "DeadLetterErrorDescription", "DeadLetterSource",
}

// FuzzRead gives several headers any values. What comes out is bounded, printable
// and of the ranges that brokers have.
func FuzzRead(f *testing.F) {
	f.Add(uint8(0), delivery(rejected())[broker.HeaderAMQP], uint8(1), "orders", uint8(2), "rejected")
	f.Add(uint8(0), `{"values":{"x-death":{"A":[{"F":{"queue":{"S":"/w=="},"count":{"l":1e300},"time":{"T":-1}}}]}}}`, uint8(3), "", uint8(4), "")
	f.Add(uint8(5), "orders", uint8(6), be4(3), uint8(7), be8(1<<40))
	f.Add(uint8(12), "orders", uint8(13), "3", uint8(14), "99999999999999999999")
	f.Add(uint8(18), "no such order", uint8(19), "orders", uint8(20), "\xff")
	f.Add(uint8(21), "Sales", uint8(24), "2026-01-31 13:05:09:123456 Z", uint8(25), "3")
	f.Add(uint8(26), "TTLExpiredException", uint8(27), strings.Repeat("x", 5000), uint8(28), "orders")
	f.Fuzz(func(t *testing.T, i uint8, a string, j uint8, b string, k uint8, c string) {
		at := func(n uint8) string { return names[int(n)%len(names)] }
		md := map[string]string{at(i): a, at(j): b, at(k): c}
		foreign.Same(md)
		l, ok := foreign.Read(md)
		if ok != (l.Profile != "") {
			t.Fatalf("%v %+v", ok, l)
		}
		for _, s := range []string{l.Reason, l.Type, l.Message, l.Origin.Topic, l.Origin.Queue, l.Origin.Exchange, l.Origin.RoutingKey, l.Error()} {
			if len(s) > 2048 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
				t.Fatalf("%q", s)
			}
		}
		if o := l.Origin; o.Partition < 0 || o.Offset < 0 || l.Attempts < 0 || len(o.Topic+o.Queue) > 2*255 {
			t.Fatalf("%+v", l)
		}
		if y := l.When.Year(); y < 0 || y > 9999 {
			t.Fatal(l.When)
		}
	})
}
