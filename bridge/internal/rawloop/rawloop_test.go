package rawloop_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// The yardstick is only worth something if it moves everything.
func TestRawLoopMovesEveryMessage(t *testing.T) {
	const n = 20_000
	directions(t, func(t *testing.T, from, to end) {
		from.fill(n)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		result, err := rawloop.Run(ctx, from, to, n)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d messages of 1 KiB in %v: %.0f/s", result.Messages, result.Elapsed, result.Rate())

		checkAll(t, to.read(), n)
		if left := from.left(); left != 0 {
			t.Errorf("%d messages are left in the source, want 0: not all were acknowledged", left)
		}
		if result.Messages != n || result.Bytes != n*1024 {
			t.Errorf("result says %d messages of %d bytes", result.Messages, result.Bytes)
		}
	})
}

// What is behind the last message stays where it is.
func TestRawLoopTakesNoMoreThanItIsTold(t *testing.T) {
	directions(t, func(t *testing.T, from, to end) {
		from.fill(3000)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := rawloop.Run(ctx, from, to, 1000); err != nil {
			t.Fatal(err)
		}
		if got := len(to.read()); got != 1000 {
			t.Errorf("the target holds %d messages, want 1000", got)
		}
		if left := from.left(); left != 2000 {
			t.Errorf("%d messages are left in the source, want 2000", left)
		}
	})
}

func TestRawLoopEndsWithItsContext(t *testing.T) {
	directions(t, func(t *testing.T, from, to end) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := rawloop.Run(ctx, from, to, 1); err == nil {
			t.Error("an empty source ended without an error")
		}
	})
}

// An acknowledgement follows the confirm, or the loop would measure less than
// anybody may leave out.
func TestRawLoopAcknowledgesNothingThatWasNotConfirmed(t *testing.T) {
	missing := map[string]rawloop.End{
		"RabbitMQ": rawloop.Queue{URL: rig.AMQP(t), Name: rig.Name(t)},
		"Kafka":    rawloop.Topic{Brokers: rig.Kafka(t), Name: rig.Name(t)},
	}
	for kind, to := range missing {
		for name, source := range kinds {
			t.Run(name+" to a missing place in "+kind, func(t *testing.T) {
				from := source(t)
				from.fill(100)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := rawloop.Run(ctx, from, to, 100)
				if err == nil || !strings.Contains(err.Error(), "publish message") {
					t.Errorf("ended with %v", err)
				}
				if left := from.left(); left != 100 {
					t.Errorf("%d messages are left in the source, want 100", left)
				}
			})
		}
	}
}

func checkAll(t *testing.T, messages []message, n int) {
	t.Helper()
	seen := make([]int, n)
	for _, m := range messages {
		i := int(binary.BigEndian.Uint64(m.body))
		if want := numbered(i); m.key != want.key || m.id != want.id || m.mark != want.mark || !bytes.Equal(m.body, want.body) {
			t.Fatalf("message %d has %d bytes, key %q, id %q and header %q", i, len(m.body), m.key, m.id, m.mark)
		}
		seen[i]++
	}
	for i, times := range seen {
		if times != 1 {
			t.Fatalf("message %d arrived %d times", i, times)
		}
	}
}
