package amqp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// TestQueueOfOrigin: each message goes to the queue in which others gave it up. One
// that names none that is there, or one of RabbitMQ's own, is at fault itself, and
// the others do not notice.
func TestQueueOfOrigin(t *testing.T) {
	t.Parallel()
	one, two := rig.Queue(t), rig.Queue(t)
	target, told := openTarget(t, rig.AMQP(t), config.To{Broker: "test", Queue: "origin"}, 10*time.Second)
	await(t, told, "that it answers", isNil)
	origins := []string{one, "", two, rig.Name(t), "amq.rabbitmq.reply-to", one}
	says := []string{"", "no header of the message says", "", "does not exist", "belong to the broker", ""}
	var msgs []*message.Message
	for _, origin := range origins {
		m := message.NewMessage("", []byte("x"))
		if origin != "" {
			m.Metadata["x-last-death-queue"] = origin
		}
		msgs = append(msgs, m)
	}
	for i, err := range target.PublishBatch(msgs) {
		switch {
		case says[i] == "" && err != nil:
			t.Errorf("%q: %v", origins[i], err)
		case says[i] != "" && (policies.ClassOf(err) != policies.Permanent || policies.ReasonOf(err) != "unroutable" || !strings.Contains(err.Error(), says[i])):
			t.Errorf("%q: %s %v", origins[i], policies.ReasonOf(err), err)
		}
	}
	if a, b := rig.Depth(t, one), rig.Depth(t, two); a != 2 || b != 1 {
		t.Errorf("%d and %d messages", a, b)
	}
}
