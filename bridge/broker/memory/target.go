package memory

import (
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/failpoint"
	"github.com/brokerbridge/bridge/policies"
)

// Target writes to a queue. It tells State once, with its first publish.
type Target struct {
	b       *Broker
	name    string         // as the file has it
	topic   config.Dynamic // zero: name
	declare bool
	opts    broker.TargetOptions
	told    bool // guarded by the broker's lock, as closed is
	missing bool
	closed  bool
}

// Name is the queue, for people.
func (t *Target) Name() string { return "memory queue " + t.name }

// Publish publishes messages and returns the first error.
func (t *Target) Publish(topic string, msgs ...*message.Message) error {
	for _, err := range t.publish(topic, msgs) {
		if err != nil {
			return err
		}
	}
	return nil
}

// PublishBatch publishes messages, with an error for each.
func (t *Target) PublishBatch(msgs []*message.Message) []error { return t.publish("", msgs) }

func (t *Target) publish(topic string, msgs []*message.Message) []error {
	failpoint.Hit(failpoint.BeforePublish)
	errs := make([]error, len(msgs))
	for i, m := range msgs {
		errs[i] = t.write(topic, m)
	}
	failpoint.Hit(failpoint.Confirmed)
	return errs
}

func (t *Target) write(topic string, m *message.Message) error {
	if topic == "" {
		var err error
		if topic, err = t.destination(m); err != nil {
			return err
		}
	}
	q, err := t.queue(topic)
	if err == nil {
		err = t.judge(q, m)
	}
	if err == nil {
		t.b.Put(topic, m)
	}
	return err
}

// destination is the queue that a message is for.
func (t *Target) destination(m *message.Message) (string, error) {
	if t.topic.IsZero() || t.topic.IsFixed() {
		return t.name, nil
	}
	name, ok := broker.Name(t.topic, m, broker.ProtocolKafka)
	if !ok {
		return "", policies.Because(policies.Permanent, "unroutable", fmt.Errorf("the message does not name its queue (%s)", t.name))
	}
	return name, nil
}

// judge runs without the lock: a test may block in it.
func (t *Target) judge(q *queue, m *message.Message) error {
	t.b.mu.Lock()
	judge := q.judge
	t.b.mu.Unlock()
	if judge == nil {
		return nil
	}
	return judge(m)
}

func (t *Target) queue(name string) (*queue, error) {
	t.b.mu.Lock()
	defer t.b.mu.Unlock()
	if t.closed {
		return nil, policies.As(policies.Interrupted, fmt.Errorf("target %q is closed", t.name))
	}
	q := t.b.queues[name]
	if q == nil && t.declare {
		q = t.b.create(name)
	}
	var err error
	if q == nil {
		err = policies.As(policies.Unavailable, fmt.Errorf(`queue %q %w; create it, or add "declare: true" to the route's "to"`, name, broker.ErrMissing))
	}
	t.tell(err)
	return q, err
}

// tell reports a change, once.
func (t *Target) tell(err error) {
	if t.told && t.missing == (err != nil) {
		return
	}
	t.told, t.missing = true, err != nil
	if t.opts.State != nil {
		t.opts.State(err)
	}
}

// Close ends publishing.
func (t *Target) Close() error {
	t.b.mu.Lock()
	defer t.b.mu.Unlock()
	t.closed = true
	return nil
}

var _ broker.Target = (*Target)(nil)
