package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
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

// Target writes to a topic, or to those that the messages name.
type Target struct {
	b     *Broker
	to    config.To
	topic string // "": the messages name it
	opts  broker.TargetOptions
	log   *slog.Logger

	client *kgo.Client
	stop   context.CancelFunc
	watch  *watch
	topics topics           // that messages have named
	alone  chan *kgo.Client // free ones, for records that a batch has no room for; see aloneClients

	mu     sync.Mutex
	ids    map[string]kadm.TopicID // of the topics that were seen
	alones []*kgo.Client           // all of alone that there are
	limits map[string]int32        // of a batch, as the topics have it, where that is known
	least  map[string]int32        // the lowest that these have ever been
	closed bool
}

func newTarget(b *Broker, to config.To, opts broker.TargetOptions) (*Target, error) {
	t := &Target{b: b, to: to, topic: to.Topic.Fixed, opts: opts, alone: aloneClients()}
	t.log = b.logger.With("route", opts.Route, "topic", to.Topic.String())
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
func (t *Target) Name() string {
	if t.topic == "" {
		return "kafka topics by " + t.to.Topic.String()
	}
	return "kafka topic " + t.topic
}

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
	if topic == "" {
		topic = t.topic
	}
	own := topic == t.topic
	if own {
		if err := t.watch.missing(); err != nil {
			return all(len(msgs), policies.As(policies.Unavailable, err))
		}
	}
	if topic == "" {
		t.look(msgs)
	}
	errs := t.fly(t.client, topic, msgs, false)
	t.singly(topic, msgs, errs)
	answered := false
	for i, err := range errs {
		answered = answered || err == nil || suspect(err)
		if err != nil {
			errs[i] = t.judge(own, err)
		}
	}
	if own && answered {
		t.watch.answered()
	}
	return errs
}

// judge gives the error of a message its class, and has its topic looked for
// again if it is gone.
func (t *Target) judge(own bool, err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err // it was not sent, and has its class
	}
	if !own || !nowhere(err) {
		return classify(err)
	}
	if t.topic != "" {
		if unknown(err) {
			t.watch.lost()
		}
		return classify(err)
	}
	if unknown(err) {
		// It was there a moment ago. Whether it is gone, the next look tells: a leader
		// that has not heard of it says the same.
		t.topics.forget(r.topic)
		return classify(err)
	}
	f := missing(r.topic, r.error)
	t.topics.note(r.topic, f)
	return f.err
}

// recognise notes the id of a topic that is there. The clients know it by its
// id; when it was created anew, they have to forget the one that is gone.
//
// They must not forget one that is still there: they would number its batches
// from 0 again, and Kafka would take a batch for the copy of an earlier one,
// confirm it and not write it.
func (t *Target) recognise(topic string, id kadm.TopicID) {
	if id == (kadm.TopicID{}) {
		return // a Kafka before 2.8, or created this moment
	}
	t.mu.Lock()
	was, known := t.ids[topic]
	if t.ids == nil {
		t.ids = map[string]kadm.TopicID{}
	}
	t.ids[topic] = id
	alones := t.alones
	t.mu.Unlock()
	if !known || was == id {
		return
	}
	t.log.Warn("the topic was created anew", "topic", topic)
	t.client.PurgeTopicsFromProducing(topic)
	for _, alone := range alones {
		alone.PurgeTopicsFromProducing(topic)
	}
}

// Close lets what is on its way arrive, for some seconds, and ends the rest:
// those publishes return errors of class interrupted.
func (t *Target) Close() error {
	t.mu.Lock()
	alones := t.alones
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
	for _, alone := range alones {
		alone.Close()
	}
	t.b.targets.Forget(t)
	return err
}

func all(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
