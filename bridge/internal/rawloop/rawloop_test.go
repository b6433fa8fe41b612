package rawloop_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// The yardstick is only worth something if it moves everything.
func TestRawLoopMovesEveryMessage(t *testing.T) {
	const n = 20_000
	queue, topic := rig.Queue(t), rig.Topic(t, 6)
	rig.Publish(t, queue, messages(n)...)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result, err := rawloop.Run(ctx, rig.AMQP(t), queue, rig.Kafka(t), topic, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d messages of 1 KiB in %v: %.0f/s", result.Messages, result.Elapsed, result.Rate())

	checkAll(t, rig.Read(t, topic, n, 10*time.Second), n)
	if more := rig.Read(t, topic, n+1, time.Second); len(more) != n {
		t.Errorf("the topic holds %d records, want %d", len(more), n)
	}
	if left := rig.Depth(t, queue); left != 0 {
		t.Errorf("%d messages went back to the queue, want 0: not all were acknowledged", left)
	}
	if result.Messages != n || result.Bytes != n*1024 {
		t.Errorf("result says %d messages of %d bytes", result.Messages, result.Bytes)
	}
}

func TestRawLoopEndsWithItsContext(t *testing.T) {
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := rawloop.Run(ctx, rig.AMQP(t), queue, rig.Kafka(t), topic, 1); err == nil {
		t.Error("an empty queue ended without an error")
	}
}

// messages are 1 KiB each, of 1,000 keys, and begin with their number.
func messages(n int) []amqp.Publishing {
	msgs := make([]amqp.Publishing, n)
	for i := range msgs {
		body := bytes.Repeat([]byte{byte(i)}, 1024)
		binary.BigEndian.PutUint64(body, uint64(i))
		msgs[i] = amqp.Publishing{
			Headers:      amqp.Table{rawloop.KeyHeader: fmt.Sprintf("key-%d", i%1000)},
			DeliveryMode: amqp.Persistent,
			Body:         body,
		}
	}
	return msgs
}

func checkAll(t *testing.T, records []*kgo.Record, n int) {
	t.Helper()
	seen := make([]int, n)
	for _, r := range records {
		i := int(binary.BigEndian.Uint64(r.Value))
		if want := fmt.Sprintf("key-%d", i%1000); len(r.Value) != 1024 || string(r.Key) != want {
			t.Fatalf("record %d has %d bytes and key %q, want 1024 and %q", i, len(r.Value), r.Key, want)
		}
		seen[i]++
	}
	for i, times := range seen {
		if times != 1 {
			t.Fatalf("message %d arrived %d times", i, times)
		}
	}
}
