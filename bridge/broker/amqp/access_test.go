package amqp_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// Outage is not poison: a target that we may not write to is an operator's
// fault. It is told, for as long as nothing is confirmed, and ends by itself.
func TestE1_RefusedAccessIsUnavailable(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.Create(t)
	user := newUser(t, "")
	target, told := openTarget(t, user.url(t), p.To(), 0)
	await(t, told, "that it answers", isNil)
	unavailable(t, target.PublishBatch(bodies("b", 300)), "ACCESS_REFUSED")
	await(t, told, "that it may not write", anyError)
	// Also after another channel was opened: what has gone wrong goes wrong again.
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		unavailable(t, target.PublishBatch(bodies("b", 3)), "ACCESS_REFUSED")
	}
	if len(told) > 0 {
		t.Errorf("State was told %v, though nothing has changed", <-told)
	}
	user.mayWrite(t, ".*")
	eventually(t, "it may write", func() bool { return target.Publish("", body("b")) == nil })
	await(t, told, "that it answers", isNil)
}

// Rule 13: an access that is refused to a routing key of the message's own is
// the message's fault.
func TestE1_RefusedRoutingKeyIsUnroutable(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.queue.Create(t)
	if err := p.ch.QueueBind(p.name, "#", "amq.topic", false, nil); err != nil {
		t.Fatal(err)
	}
	user := newUser(t, ".*")
	rig.Brokers(t, "ctl", "set_topic_permissions", string(user), "amq.topic", "^allowed", ".*")
	to := config.To{Exchange: "amq.topic", RoutingKey: config.Dynamic{Field: config.Field{Kind: config.Header, Name: "to"}}}
	target, told := openTarget(t, user.url(t), to, 0)
	msgs := bodies("b", 300)
	for i, m := range msgs {
		m.Metadata["to"] = "allowed.1"
		if i%100 == 50 {
			m.Metadata["to"] = "forbidden.1"
		}
	}
	for i, err := range target.PublishBatch(msgs) {
		if poison := i%100 == 50; (err != nil) != poison || poison && policies.ReasonOf(err) != "unroutable" {
			t.Errorf("message %d: %v (%v, %q)", i, err, policies.ClassOf(err), policies.ReasonOf(err))
		}
	}
	await(t, told, "that it answers", isNil)
	if len(told) > 0 {
		t.Errorf("State was told %v: one poison looked like an outage", <-told)
	}
	came := map[string]*message.Message{}
	for _, m := range p.All(t) {
		came[string(m.Payload)] = m
	}
	if len(came) != 297 {
		t.Errorf("%d messages came, want 297", len(came))
	}
}

// user is one of RabbitMQ's, gone with the test.
type user string

// newUser makes one who may write to what the pattern says.
func newUser(t *testing.T, write string) user {
	t.Helper()
	u := user(rig.Name(t))
	rig.Brokers(t, "ctl", "add_user", string(u), "secret")
	t.Cleanup(func() { rig.Brokers(t, "ctl", "delete_user", string(u)) })
	u.mayWrite(t, write)
	return u
}

func (u user) mayWrite(t *testing.T, write string) {
	t.Helper()
	rig.Brokers(t, "ctl", "set_permissions", string(u), ".*", write, ".*")
}

func (u user) url(t *testing.T) string {
	t.Helper()
	address, err := url.Parse(rig.AMQP(t))
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(string(u), "secret")
	return address.String()
}
