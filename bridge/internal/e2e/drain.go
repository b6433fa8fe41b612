package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

const drainTimeout = time.Minute

// Records reads what a topic holds at this moment, each partition in its order.
func Records(t testing.TB, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	client := rig.Client(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		t.Fatalf("ask for the end of %q: %v", topic, err)
	}
	var want int64
	ends.Each(func(o kadm.ListedOffset) { want += o.Offset })
	records := make([]*kgo.Record, 0, want)
	for int64(len(records)) < want {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %q: %v, after %d of %d", topic, err, len(records), want)
		}
		records = append(records, fetches.Records()...)
	}
	return records[:want]
}

// ofDelivery are the headers of a delivery, as texts, with its message id.
func ofDelivery(t testing.TB, d *amqp.Delivery) map[string]string {
	t.Helper()
	h := map[string]string{}
	for name, v := range d.Headers {
		h[name] = fmt.Sprint(v)
	}
	if id, there := h["bridge-message-id"]; there && h[watermillID] == "" { // with headers: text it does
		t.Errorf("a delivery with the message id %q says it twice: bridge-message-id %q", d.MessageId, id)
	}
	h["bridge-message-id"] = d.MessageId
	return h
}

// OfDelivery is what a bridge delivered to a queue, as a journal's line.
func OfDelivery(t testing.TB, d *amqp.Delivery) journal.Entry {
	t.Helper()
	h := ofDelivery(t, d)
	checkTold(t, h)
	return entry(t, h, d.Body)
}

// OfRecord is OfDelivery for a topic.
func OfRecord(t testing.TB, r *kgo.Record) journal.Entry {
	t.Helper()
	h := Headers(r)
	checkTold(t, h)
	if key := h["key"]; string(r.Key) != key {
		t.Errorf("a record has the key %q, want %q", r.Key, key)
	}
	return entry(t, h, r.Value)
}

// checkTold checks what the bridge has added to a message.
func checkTold(t testing.TB, h map[string]string) {
	t.Helper()
	if h["revision"] != h["bridge-revision"] {
		t.Errorf("a message says revision %q, bridge-revision %q", h["revision"], h["bridge-revision"])
	}
	if key := h["bridge-key"]; h["key"] != key {
		t.Errorf("a message has the key %q, bridge-key %q", h["key"], key)
	}
}

// entry is a message as a journal's line, without what the bridge has added.
func entry(t testing.TB, h map[string]string, body []byte) journal.Entry {
	t.Helper()
	rev, err := strconv.ParseInt(h["revision"], 10, 64)
	if err != nil {
		t.Errorf("a message says revision %q", h["revision"])
	}
	e := journal.Entry{Key: h["key"], Rev: rev, ID: h["bridge-message-id"]}
	foreign := maps.Clone(h)
	maps.DeleteFunc(foreign, func(name, _ string) bool {
		return slices.Contains([]string{"key", "revision", watermillID}, name) || strings.HasPrefix(name, "bridge-")
	})
	e.Print = journal.Print(body, foreign)
	return e
}

// Headers are those of a record, as texts.
func Headers(r *kgo.Record) map[string]string {
	h := map[string]string{}
	for _, pair := range r.Headers {
		h[pair.Key] = string(pair.Value)
	}
	return h
}
