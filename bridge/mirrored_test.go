package bridge

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

func TestMirrorTellsTheStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := mirrorOf(t, memorystore.New(), memory.New("out", nil))
		d := dead("1", "a")
		d.Tries = store.Tries{Attempts: 3, FirstFailed: time.Unix(5, 0), LastFailed: time.Unix(65, 0), Class: "permanent", Error: "order 41 is too large"}
		d.Metadata[broker.HeaderAMQP] = `{"exchange":"x","routing-key":"orders.new"}`
		other := dead("2", "")
		other.Payload, other.Tries, other.Metadata = nil, store.Tries{}, nil
		give(t, m.store, d, other)
		time.Sleep(time.Second)
		m.stop()
		m.is([]string{"1", "2"}, nil)
		got := m.queue.Messages("dlq")
		want := map[string]string{
			"k": "v", broker.HeaderAMQP: `{"exchange":"x","routing-key":"orders.new"}`, broker.HeaderKey: "a",
			"bridge-dlq-reason": "too_large", "bridge-dlq-class": "permanent", "bridge-dlq-error": "order 41 is too large",
			"bridge-dlq-attempts": "3", "bridge-dlq-first-failed-at": "1970-01-01T00:00:05Z", "bridge-dlq-last-failed-at": "1970-01-01T00:01:05Z",
			"bridge-dlq-route": "r", "bridge-dlq-target": "kafka topic orders", "bridge-dlq-id": "1",
			"bridge-dlq-fingerprint": policies.Fingerprint("too_large", "order 42 is too large"),
			"bridge-source-queue":    "orders", "bridge-source-exchange": "x", "bridge-source-routing-key": "orders.new",
		}
		if fmt.Sprint(got[0].Metadata) != fmt.Sprint(message.Metadata(want)) || string(got[0].Payload) != "body of 1" {
			t.Errorf("got  %v\nwant %v", got[0].Metadata, want)
		}
		if m := got[1]; m.Payload != nil || m.Metadata[broker.HeaderKey] != "" || m.Metadata["bridge-dlq-class"] != "" {
			t.Errorf("%q %v", m.Payload, m.Metadata)
		}
		if d, err := m.store.DeadLetter(t.Context(), "r", "1"); err != nil || d.Metadata["bridge-dlq-class"] != "of a former life" {
			t.Errorf("the dead letter in the store is %v, %v", d.Metadata, err)
		}
	})
}

// Where a Kafka record stood is told as well, and a message that came by both
// brokers is told where it stood last.
func TestMirrorTellsTheSource(t *testing.T) {
	d := dead("1", "a")
	d.Metadata[broker.HeaderAMQP] = `{"exchange":"x","routing-key":"orders.new"}`
	d.Metadata[broker.HeaderKafka] = `{"topic":"t","partition":0,"offset":123}`
	d.Metadata["bridge-source-queue"] = "of a former life"
	m := mirrored(config.Route{From: []config.From{{Topic: "t"}, {Topic: "u"}}}, &d)
	got := map[string]string{}
	for name, value := range m.Metadata {
		if strings.HasPrefix(name, "bridge-source-") {
			got[name] = value
		}
	}
	if want := map[string]string{"bridge-source-topic": "t", "bridge-source-partition": "0", "bridge-source-offset": "123"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v", got)
	}
}
