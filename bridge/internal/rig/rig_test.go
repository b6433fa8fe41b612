package rig_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

func TestQueueIsFilledAndRemoved(t *testing.T) {
	var queue string
	t.Run("fill", func(t *testing.T) {
		queue = rig.Queue(t)
		// More than one publish window.
		rig.Publish(t, queue, make([]amqp.Publishing, 5000)...)
		if got := rig.Depth(t, queue); got != 5000 {
			t.Errorf("depth %d, want 5000", got)
		}
	})
	_, err := rig.Channel(t).QueueDeclarePassive(queue, true, false, false, false, nil)
	if err == nil {
		t.Errorf("queue %q outlived its test", queue)
	}
}

func TestTopicIsFilledReadAndRemoved(t *testing.T) {
	var topic string
	t.Run("fill", func(t *testing.T) {
		topic = rig.Topic(t, 3)
		records := make([]*kgo.Record, 500)
		for i := range records {
			records[i] = kgo.KeySliceRecord([]byte(fmt.Sprint(i)), []byte("v"))
		}
		rig.Produce(t, topic, records...)
		if got := len(rig.Read(t, topic, 0, time.Second)); got != 500 {
			t.Errorf("read %d to the end, want 500", got)
		}
		if got := len(rig.Read(t, topic, 123, time.Minute)); got != 123 {
			t.Errorf("read %d, want 123", got)
		}
	})
	topics, err := kadm.NewClient(rig.Client(t)).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if topics.Has(topic) {
		t.Errorf("topic %q outlived its test", topic)
	}
}

// A test that needs a broker must say so, not hang and not pass.
func TestMissingBrokerFailsTheTest(t *testing.T) {
	t.Setenv("BRIDGE_TEST_KAFKA", "127.0.0.1:1")
	fake := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		rig.Kafka(fake)
	}()
	<-done
	if !strings.Contains(fake.said, "make brokers") {
		t.Errorf("said %q, want the way out", fake.said)
	}
}

func TestStatusIsReachedFromATest(t *testing.T) {
	rig.AMQP(t)
	rig.Kafka(t)
	rig.Brokers(t, "status")
	if _, err := os.Stat(rig.Root() + "/go.mod"); err != nil {
		t.Errorf("the root is wrong: %v", err)
	}
}

// failing records a fatal failure instead of suffering it.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// An address that may be given to an outgoing connection is not ours when a
// killed bridge comes back.
func TestAddressIsOutOfTheWayOfConnections(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		address := rig.Address(t)
		if seen[address] {
			t.Fatalf("%s is given twice", address)
		}
		seen[address] = true
		_, text, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		if port, err := strconv.Atoi(text); err != nil || port >= 32768 {
			t.Errorf("%s is in the range of outgoing connections", address)
		}
	}
}
