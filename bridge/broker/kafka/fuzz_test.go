package kafka_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
)

// FuzzD9Record makes records of messages with forged sidecars: their time is one that
// Kafka takes, their key that of the order, and they are read again.
func FuzzD9Record(f *testing.F) {
	f.Add("h", "v", `{"key":"stolen","timestamp":9223372036854775807,"names":["h","h"],"values":{"h":["a",null,"v"]}}`, []byte("body"))
	f.Add("", "\xff", `{"timestamp":-9223372036854775808,"partition":99999999999}`, []byte(nil))
	f.Add("bridge-kafka", "[", `{"names":[null]}`, []byte{})
	f.Fuzz(func(t *testing.T, name, value, side string, body []byte) {
		m := &message.Message{UUID: "id", Payload: body, Metadata: message.Metadata{"bridge-kafka": side, name: value, "bridge-key": "own"}}
		r, err := kafka.Record(m, "t", config.To{}, broker.TargetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if name != "bridge-key" && string(r.Key) != "own" || !bytes.Equal(r.Value, body) || (r.Value == nil) != (body == nil) {
			t.Errorf("key %q, value %q", r.Key, r.Value)
		}
		if r.Timestamp.After(time.Now().Add(2*time.Hour)) || !r.Timestamp.IsZero() && r.Timestamp.UnixMilli() < 0 {
			t.Errorf("its time is %v", r.Timestamp)
		}
		for _, h := range r.Headers {
			if h.Key == "bridge-kafka" || h.Key == "bridge-undecodable" {
				t.Errorf("the header %s is written", h.Key)
			}
		}
		kafka.Message(r, config.TrustBridge)
		kafka.Message(r, config.TrustNone)
	})
}
