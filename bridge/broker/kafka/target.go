package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/policies"
)

const (
	// patience is how long a batch may be on its way until State says so.
	patience = 5 * time.Second
	// How long Close lets what is on its way arrive.
	flushTimeout = 5 * time.Second
)

// Target writes to a topic.
type Target struct {
	b     *Broker
	to    config.To
	topic string
	opts  broker.TargetOptions
	log   *slog.Logger

	client *kgo.Client
	stop   context.CancelFunc
	watch  *watch

	mu     sync.Mutex
	alone  *kgo.Client // for records that a batch has no room for; nil until needed
	limit  int32       // of a batch, as the topic has it; 0: not known
	closed bool
}

func newTarget(b *Broker, to config.To, opts broker.TargetOptions) (*Target, error) {
	t := &Target{b: b, to: to, topic: to.Topic.Fixed, opts: opts}
	t.log = b.logger.With("route", opts.Route, "topic", t.topic)
	t.watch = newWatch(t)
	var err error
	if t.client, err = t.producer(batchBytes, t.watch); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.stop = cancel
	go t.watch.run(ctx)
	return t, nil
}

// Name is the topic, for people.
func (t *Target) Name() string { return "kafka topic " + t.topic }

// Publish publishes messages, to the target's own topic if the topic is "", and
// returns when all are confirmed, or the first error.
func (t *Target) Publish(topic string, msgs ...*message.Message) error {
	for _, err := range t.publish(topic, msgs) {
		if err != nil {
			return err
		}
	}
	return nil
}

// PublishBatch publishes messages and returns when the outcome of each is known.
// Messages of one key must not be in one batch if the second may not be
// delivered without the first.
func (t *Target) PublishBatch(msgs []*message.Message) []error {
	return t.publish("", msgs)
}

func (t *Target) publish(topic string, msgs []*message.Message) []error {
	if topic == "" || topic == t.topic {
		topic = t.topic
		if err := t.watch.missing(); err != nil {
			return all(len(msgs), policies.As(policies.Unavailable, err))
		}
	}
	errs := fly(t.client, topic, msgs, t.watch.late)
	t.judge(topic, msgs, errs)
	return errs
}

// judge gives errors their class, and the records of a batch that was too large
// another try.
func (t *Target) judge(topic string, msgs []*message.Message, errs []error) {
	var worst error
	failed := 0
	for _, err := range errs {
		if err == nil {
			continue
		}
		failed++
		if worst == nil || !tooLarge(err) {
			worst = err
		}
	}
	if topic == t.topic && (failed < len(errs) || tooLarge(worst)) {
		t.watch.answered()
	}
	if failed == 0 {
		return
	}
	t.singly(topic, msgs, errs)
	for i, err := range errs {
		errs[i] = t.noted(topic, err)
	}
}

// noted classifies an error, and has the topic looked for again if it is gone.
func (t *Target) noted(topic string, err error) error {
	if topic == t.topic && (errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)) {
		t.watch.lost()
	}
	return classify(err)
}

// purge has the clients forget the topic. They know it by an id, which is
// another one when it was created again.
func (t *Target) purge() {
	t.mu.Lock()
	alone := t.alone
	t.mu.Unlock()
	t.client.PurgeTopicsFromProducing(t.topic)
	if alone != nil {
		alone.PurgeTopicsFromProducing(t.topic)
	}
}

// Close lets what is on its way arrive, for some seconds, and ends the rest:
// those publishes return errors of class interrupted.
func (t *Target) Close() error {
	t.mu.Lock()
	alone := t.alone
	again := t.closed
	t.closed = true
	t.mu.Unlock()
	if again {
		return nil
	}
	t.stop()
	<-t.watch.ended
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	err := t.client.Flush(ctx)
	t.client.Close()
	if alone != nil {
		alone.Close()
	}
	t.b.forget(t)
	return err
}

func all(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
