package load_test

import (
	"context"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

const n = 500

func TestWhatIsSentArrivesWithItsNumberAndItsMoment(t *testing.T) {
	for name, end := range map[string]load.End{
		"RabbitMQ": load.Queue{URL: rig.AMQP(t), Name: rig.Queue(t)},
		"Kafka":    load.Topic{Brokers: rig.Kafka(t), Name: rig.Topic(t, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			when := load.Schedule{Start: time.Now().Add(-time.Minute), Rate: 1000}
			send(t, end, when)
			for i, a := range receive(t, end) {
				if a.Number != i || !a.Due.Equal(when.Due(i)) || a.At.Before(a.Due) {
					t.Fatalf("the %d. is %+v, want number %d due at %v", i, a, i, when.Due(i))
				}
			}
		})
	}
}

func send(t *testing.T, to load.End, when load.Schedule) {
	t.Helper()
	sender, err := to.Sender(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = when.Run(t.Context(), n, func(i int, due time.Time) error {
		return sender.Send(t.Context(), load.Message{Number: i, Key: "k", Revision: int64(i + 1), Way: "w", Size: 64}, due)
	})
	if err != nil {
		t.Error(err)
	}
	if err := sender.Close(); err != nil {
		t.Error(err)
	}
}

func receive(t *testing.T, from load.End) (all []load.Arrival) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := from.Receive(ctx, func(a load.Arrival) {
		if all = append(all, a); len(all) == n {
			cancel()
		}
	})
	if err != nil || len(all) != n {
		t.Fatalf("%d of %d messages, %v", len(all), n, err)
	}
	return all
}

// A measurement must not go on without its messages.
func TestASenderSaysWhatWasNotTaken(t *testing.T) {
	limit := "200"
	topic := rig.TopicWith(t, 1, map[string]*string{"max.message.bytes": &limit})
	sender, err := load.Topic{Brokers: rig.Kafka(t), Name: topic}.Sender(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = sender.Send(t.Context(), load.Message{Key: "k", Size: 1000}, time.Now())
	if err := sender.Close(); err == nil {
		t.Error("it was taken")
	}
}
