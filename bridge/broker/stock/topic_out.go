package stock

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	stockkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	edge "github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/policies"
)

// largestRecord is what the client puts into a batch, and so into a record: below
// what topics take by default (max.message.bytes).
const largestRecord = 1_000_012

// topicOut is a topic as a target.
type topicOut struct {
	topic
	to   config.To
	opts broker.TargetOptions
}

func (c cluster) target(to config.To, opts broker.TargetOptions, log *slog.Logger) (outlet, error) {
	if !to.Topic.IsFixed() {
		return nil, errors.New("the stock client publishes to a topic with a fixed name only")
	}
	to.Headers = config.HeadersText
	return &topicOut{topic: topic{
		cluster: c, topic: to.Topic.Fixed, end: "to", id: "bridge-" + opts.Route, declare: to.Declare, log: log,
	}, to: to, opts: opts}, nil
}

// open makes a producer. From then on the client connects again by itself.
func (t *topicOut) open(context.Context) (*publisher, error) {
	if _, err := t.verify(t.topic.topic); err != nil {
		return nil, err
	}
	cfg, err := t.producer()
	if err != nil {
		return nil, err
	}
	stock, err := stockkafka.NewPublisher(stockkafka.PublisherConfig{
		Brokers: t.cfg.Brokers, Marshaler: produced{}, OverwriteSaramaConfig: cfg,
	}, listen(t.log, nil, nil))
	if err != nil {
		return nil, t.failed(err)
	}
	w := &topicWriter{t: t, stock: stock}
	return &publisher{publish: w.publish, end: w.end}, nil
}

// producer is the configuration of the producer: idempotent, with the acks of all
// in-sync replicas, and with the partitions of Kafka's own client.
func (t *topicOut) producer() (*sarama.Config, error) {
	cfg, err := t.sarama(t.id)
	if err != nil {
		return nil, err
	}
	cfg.Producer.RequiredAcks = sarama.WaitForAll
	cfg.Producer.Idempotent, cfg.Net.MaxOpenRequests = true, 1
	cfg.Producer.Return.Successes = true
	cfg.Producer.Retry.Max, cfg.Producer.Retry.Backoff = 5, 200*time.Millisecond
	cfg.Producer.MaxMessageBytes = largestRecord
	cfg.Producer.Partitioner = newPartitioner
	return cfg, nil
}

// topicWriter publishes through a stock publisher.
type topicWriter struct {
	t     *topicOut
	stock *stockkafka.Publisher

	mu    sync.RWMutex // read: something is on its way
	ended bool
}

// end closes the publisher once nothing is on its way. The client tries for a while
// by itself; beyond endTimeout nobody waits for it.
func (w *topicWriter) end() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = true
		_ = w.stock.Close()
	}()
	select {
	case <-done:
	case <-time.After(endTimeout):
	}
}

func (w *topicWriter) publish(topic string, msgs []*message.Message) []error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.ended {
		return all(len(msgs), policies.As(policies.Unavailable, errCut))
	}
	if topic == "" {
		topic = w.t.topic.topic
	}
	errs := make([]error, len(msgs))
	spread(len(msgs), calls, func(from, to int) {
		for i := from; i < to; i++ {
			errs[i] = w.send(topic, msgs[i])
		}
	})
	return errs
}

// send publishes a message and waits for Kafka's answer.
func (w *topicWriter) send(topic string, m *message.Message) error {
	r, err := edge.Record(m, topic, w.t.to, w.t.opts)
	if err != nil {
		return err
	}
	out := message.NewMessage(m.UUID, nil)
	out.SetContext(context.WithValue(context.Background(), recordKey{}, r))
	return w.t.classify(topic, w.stock.Publish(topic, out))
}

// classify says whose fault it is that a publish failed.
func (t *topicOut) classify(topic string, err error) error {
	var k sarama.KError
	var c sarama.ConfigurationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &c) && strings.Contains(c.Error(), "MaxMessageBytes"):
		return policies.Because(policies.Permanent, "too_large", err)
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		return policies.As(policies.Unavailable, t.missing(topic))
	case errors.As(err, &k):
		return edge.Classify(errors.Join(kerr.ErrorForCode(int16(k)), err))
	}
	return policies.As(policies.Unavailable, err) // of the network, or of the client itself
}

type recordKey struct{}

// produced makes records as the bridge's own edge does, with headers as text.
type produced struct{}

func (produced) Marshal(topic string, m *message.Message) (*sarama.ProducerMessage, error) {
	r, ok := m.Context().Value(recordKey{}).(*kgo.Record)
	if !ok {
		return nil, errors.New("this message has no record")
	}
	out := &sarama.ProducerMessage{Topic: topic, Timestamp: r.Timestamp}
	if r.Key != nil {
		out.Key = sarama.ByteEncoder(r.Key)
	}
	if r.Value != nil {
		out.Value = sarama.ByteEncoder(r.Value)
	}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	return out, nil
}

// partitioner picks as Kafka's own client does; sarama's own hash is another one.
type partitioner struct {
	keyed kgo.TopicPartitioner
	other sarama.Partitioner
}

func newPartitioner(topic string) sarama.Partitioner {
	return &partitioner{edge.Partitioner(topic), sarama.NewRandomPartitioner(topic)}
}

func (p *partitioner) Partition(m *sarama.ProducerMessage, n int32) (int32, error) {
	if m.Key == nil {
		return p.other.Partition(m, n)
	}
	key, err := m.Key.Encode()
	if err != nil {
		return 0, err
	}
	return int32(p.keyed.Partition(&kgo.Record{Key: key}, int(n))), nil
}

func (p *partitioner) RequiresConsistency() bool { return true }

// MessageRequiresConsistency says that a key has its partition, whether that can be
// written now or not.
func (p *partitioner) MessageRequiresConsistency(m *sarama.ProducerMessage) bool { return m.Key != nil }
