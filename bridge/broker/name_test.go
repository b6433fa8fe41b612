package broker_test

import (
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
)

const (
	fromAMQP  = `{"exchange":"e","routing-key":"rk"}`
	fromKafka = `{"topic":"t","partition":0,"offset":1,"key":"k"}`
	died      = `{"values":{"x-death":{"A":[{"F":{"queue":"q","exchange":"e","routing-keys":{"A":["rk"]}}}]}}}`
)

func TestName(t *testing.T) {
	header := config.Dynamic{Field: config.Field{Kind: config.Header, Name: "h"}}
	key := config.Dynamic{Field: config.Field{Kind: config.MessageKey}}
	source := config.Dynamic{Source: true}
	origin := config.Dynamic{Origin: true}
	for _, c := range []struct {
		what string
		d    config.Dynamic
		md   message.Metadata
		amqp string // "-": there is none
		kafk string
	}{
		{"fixed", config.Dynamic{Fixed: "x"}, nil, "x", "x"},
		{"header", header, message.Metadata{"h": "v"}, "v", "v"},
		{"empty header", header, message.Metadata{"h": ""}, "-", "-"},
		{"no header", header, nil, "-", "-"},
		{"key", key, message.Metadata{"bridge-kafka": fromKafka}, "k", "k"},
		{"binary key", key, message.Metadata{"bridge-kafka": `{"key":{"S":"/w=="}}`}, "\xff", "\xff"},
		{"null key", key, message.Metadata{"bridge-kafka": `{"topic":"t"}`}, "-", "-"},
		{"empty key", key, message.Metadata{"bridge-kafka": `{"key":""}`}, "-", "-"},
		{"source", source, message.Metadata{"bridge-amqp": fromAMQP, "bridge-kafka": fromKafka}, "rk", "t"},
		{"source from AMQP", source, message.Metadata{"bridge-amqp": fromAMQP}, "rk", "rk"},
		{"source from Kafka", source, message.Metadata{"bridge-kafka": fromKafka}, "t", "t"},
		{"source without a routing key", source, message.Metadata{"bridge-amqp": `{"routing-key":""}`, "bridge-kafka": fromKafka}, "", "t"},
		{"source without a topic", source, message.Metadata{"bridge-amqp": `{"routing-key":""}`, "bridge-kafka": `{"topic":""}`}, "", "-"},
		{"source without a sidecar", source, nil, "-", "-"},
		{"origin of a queue", origin, message.Metadata{"bridge-amqp": died}, "rk", "-"},
		{"origin of a topic", origin, message.Metadata{"kafka_dlt-original-topic": "t"}, "-", "t"},
		{"no origin", origin, message.Metadata{"bridge-amqp": fromAMQP, "bridge-kafka": fromKafka}, "-", "-"},
		{"nothing", config.Dynamic{}, message.Metadata{"bridge-kafka": fromKafka}, "-", "-"},
	} {
		for own, want := range map[broker.Protocol]string{broker.ProtocolAMQP: c.amqp, broker.ProtocolKafka: c.kafk} {
			got, ok := broker.Name(c.d, &message.Message{Metadata: c.md}, own)
			if ok != (want != "-") || ok && got != want {
				t.Errorf("%s, protocol %d: %q (%v), want %q", c.what, own, got, ok, want)
			}
		}
	}
}

func TestOriginQueue(t *testing.T) {
	for text, want := range map[string]string{died: "q", fromAMQP: ""} {
		got, ok := broker.OriginQueue(&message.Message{Metadata: message.Metadata{"bridge-amqp": text}})
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", text, got, ok)
		}
	}
}

// A sidecar may have been forged: it says nothing, or something wrong, and does no harm.
func FuzzForeignTexts(f *testing.F) {
	f.Add(fromAMQP)
	f.Add(fromKafka)
	f.Add(`{"key":{"S":7},"topic":{"S":"?"},"routing-key":[]}`)
	f.Add(`{"key":` + strings.Repeat(`{"key":`, 10_000))
	f.Add(strings.Repeat(`[`, 10_000))
	f.Fuzz(func(_ *testing.T, text string) {
		md := message.Metadata{"bridge-amqp": text, "bridge-kafka": text}
		broker.RecordKey(md)
		broker.Property(md, "routing-key")
		broker.Property(md, "priority")
		broker.Name(config.Dynamic{Source: true}, &message.Message{Metadata: md}, broker.ProtocolKafka)
	})
}

// What is no text is no key.
func TestForgedKeyIsNone(t *testing.T) {
	for _, text := range []string{
		``, `{`, `[]`, `{"key":null}`, `{"key":7}`, `{"key":true}`, `{"key":{}}`, `{"key":{"S":7}}`, `{"key":{"S":"?"}}`, `{"key":["S"]}`,
	} {
		if key, ok := broker.RecordKey(message.Metadata{"bridge-kafka": text}); ok {
			t.Errorf("%s has the key %q", text, key)
		}
	}
}
