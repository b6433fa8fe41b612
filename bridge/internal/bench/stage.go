package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
)

const (
	partitions   = 6
	unconfirmed  = 2000 // publishings at once, while a queue is filled
	calibration  = 60_000
	runTimeout   = 5 * time.Minute
	lookEvery    = 50 * time.Millisecond
	childTimeout = time.Minute
)

func amqpURL() string { return setting("BRIDGE_TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/") }

func kafkaAddrs() []string {
	return strings.Split(setting("BRIDGE_TEST_KAFKA", "127.0.0.1:9092"), ",")
}

func setting(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

// stage is where the runs take place: connections, the two binaries, a folder.
type stage struct {
	dir    string
	bridge string // the binaries
	self   string
	conn   *amqp.Connection
	client *kgo.Client
	admin  *kadm.Client
}

func setUp(ctx context.Context) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "bridge-bench-"); err != nil {
		return nil, err
	}
	if s.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if s.bridge, err = child.Build(s.dir, "bridge", "./cmd/bridge"); err != nil {
		return nil, err
	}
	if s.conn, err = amqp.Dial(amqpURL()); err != nil {
		return nil, fmt.Errorf("reach RabbitMQ (make brokers starts one): %w", err)
	}
	if s.client, err = kgo.NewClient(kgo.SeedBrokers(kafkaAddrs()...), kgo.MetadataMinAge(50*time.Millisecond)); err != nil {
		return nil, err
	}
	s.admin = kadm.NewClient(s.client)
	if err = s.client.Ping(ctx); err != nil {
		return nil, fmt.Errorf("reach Kafka (make brokers starts one): %w", err)
	}
	return s, nil
}

func (s *stage) close() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	if s.client != nil {
		s.client.Close()
	}
	_ = os.RemoveAll(s.dir)
}

// scene is the queue and the topic of one run.
type scene struct{ queue, topic string }

// open makes a queue with all messages in it and an empty topic.
func (s *stage) open(ctx context.Context, p plan) (sc scene, err error) {
	name := "bench-" + strings.ToLower(rand.Text()[:10])
	sc = scene{queue: name, topic: name}
	appended := "LogAppendTime"
	configs := map[string]*string{"message.timestamp.type": &appended}
	if _, err := s.admin.CreateTopic(ctx, partitions, 1, configs, sc.topic); err != nil {
		return sc, fmt.Errorf("create topic %q: %w", sc.topic, err)
	}
	return sc, s.fill(ctx, sc.queue, p)
}

// drop removes both.
func (s *stage) drop(sc scene) {
	ctx, cancel := context.WithTimeout(context.Background(), childTimeout)
	defer cancel()
	_, _ = s.admin.DeleteTopic(ctx, sc.topic)
	if ch, err := s.conn.Channel(); err == nil {
		_, _ = ch.QueueDelete(sc.queue, false, false, false)
		_ = ch.Close()
	}
}

// fill publishes the messages in the order of their keys' revisions.
func (s *stage) fill(ctx context.Context, queue string, p plan) error {
	ch, err := s.conn.Channel()
	if err != nil {
		return err
	}
	defer func() { _ = ch.Close() }()
	_, err = ch.QueueDeclare(queue, true, false, false, false, nil)
	if err = errors.Join(err, ch.Confirm(false)); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	var waiting [unconfirmed]*amqp.DeferredConfirmation
	for i := range p.Messages + unconfirmed {
		slot := &waiting[i%unconfirmed]
		if c := *slot; c != nil {
			if ok, err := c.WaitContext(ctx); err != nil || !ok {
				return fmt.Errorf("fill queue %q: confirmed %v, %w", queue, ok, err)
			}
			*slot = nil
		}
		if i >= p.Messages {
			continue
		}
		if *slot, err = ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, message(p, i)); err != nil {
			return fmt.Errorf("fill queue %q: %w", queue, err)
		}
	}
	return nil
}

// left is what is in a queue.
func (s *stage) left(queue string) (int, error) {
	ch, err := s.conn.Channel()
	if err != nil {
		return 0, err
	}
	defer func() { _ = ch.Close() }()
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	return q.Messages, err
}

// awaitRecords returns when the topic holds n records.
func (s *stage) awaitRecords(ctx context.Context, topic string, n int, c *child.Process) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		ends, err := s.admin.ListEndOffsets(ctx, topic)
		if err = errors.Join(err, ends.Error()); err != nil {
			return fmt.Errorf("look at topic %q: %w", topic, err)
		}
		var sum int64
		ends.Each(func(o kadm.ListedOffset) { sum += o.Offset })
		if sum >= int64(n) {
			return nil
		}
		if !c.Running() && c.Code() != 0 {
			return fmt.Errorf("the child ended with %d after %d of %d records", c.Code(), sum, n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("after %d of %d records: %w", sum, n, ctx.Err())
		}
	}
}
