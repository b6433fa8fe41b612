package events_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/events"
	"github.com/brokerbridge/bridge/ordering/store"
)

func sample() store.Event {
	rev, to := int64(4), int64(6)
	return store.Event{
		Seq: 7, Type: "skip", At: time.Date(2026, 11, 22, 1, 2, 3, 4000, time.UTC), Key: "4711", Epoch: 2, Revision: &rev, To: &to,
		Dead: "d", Reason: "r", Class: "c", Error: "e", By: "alice", Group: "g", Reply: &store.Reply{To: "somebody"},
	}
}

const data = `{"route":"orders","key":"4711","epoch":2,"revision":4,"to":6,"dead_letter":"d","reason":"r","class":"c","error":"e","group":"g","by":"alice","owner":"team"}`

func TestBinaryMode(t *testing.T) {
	ev := sample()
	e := events.Of(events.Source("st", "orders"), "orders", "team", &ev)
	kafka, err := e.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"ce_specversion": "1.0", "ce_id": "orders/7", "ce_source": "/brokerbridge/st/routes/orders", "ce_type": "com.github.brokerbridge.skip",
		"ce_time": "2026-11-22T01:02:03.000004Z", "ce_subject": "4711", "content-type": "application/json",
	}
	if !maps.Equal(kafka.Metadata, want) || string(kafka.Payload) != data {
		t.Errorf("%v\n%s", kafka.Metadata, kafka.Payload)
	}
	amqp, err := e.AMQP("side")
	if err != nil {
		t.Fatal(err)
	}
	if amqp.Metadata["cloudEvents:id"] != "orders/7" || amqp.Metadata["cloudEvents:subject"] != "4711" || amqp.UUID != "orders/7" ||
		amqp.Metadata["side"] != `{"content-type":"application/json"}` || len(amqp.Metadata) != 7 || string(amqp.Payload) != data {
		t.Errorf("%v\n%s", amqp.Metadata, amqp.Payload)
	}
}

func TestStructuredMode(t *testing.T) {
	ev := sample()
	e := events.Of("/s", "orders", "team", &ev)
	text, err := e.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	got, _ := doc["data"].(map[string]any)
	if doc["specversion"] != "1.0" || doc["id"] != "orders/7" || doc["datacontenttype"] != "application/json" || got["key"] != "4711" {
		t.Errorf("%s", text)
	}
}

// TestKeysThatAreNoText are in the body whole, and no subject; an error is bounded.
func TestKeysThatAreNoText(t *testing.T) {
	for key, want := range map[string]string{
		"\xff":                       `"key_base64":"/w=="`,
		"a\nb":                       `"key":"a\nb"`,
		strings.Repeat("k", 1<<10+1): `"key":"kkk`,
		"":                           `"route":"r",`,
	} {
		e := events.Of("/s", "r", "", &store.Event{Type: "purge", Key: key, Error: strings.Repeat("ü", 4<<10)})
		m, err := e.Kafka()
		if err != nil {
			t.Fatal(err)
		}
		if _, there := m.Metadata["ce_subject"]; there || !strings.Contains(string(m.Payload), want) || len(m.Payload) > 6<<10 {
			t.Errorf("%q: %d bytes, %v\n%s", key, len(m.Payload), m.Metadata, m.Payload)
		}
	}
}
