package main

import (
	"context"
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
	runTimeout   = 5 * time.Minute
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

// stage is where the runs take place: connections, binaries, a folder.
type stage struct {
	dir        string
	bridge     string // the binaries
	self       string
	mirrorJars string
	conn       *amqp.Connection
	client     *kgo.Client
	admin      *kadm.Client
	brokers    map[kind]int    // the processes that are known
	sources    map[plan]*topic // by what they were filled with
	peers      []peer          // who else was asked for
	seeds      map[kind]seeded // the stores with lanes, by whose source they know
}

func setUp(ctx context.Context) (*stage, error) {
	s := &stage{}
	if err := errors.Join(s.build(), s.connect(ctx)); err != nil {
		s.close()
		return nil, err
	}
	s.findBrokers()
	return s, nil
}

func (s *stage) build() (err error) {
	if s.dir, err = os.MkdirTemp("", "bridge-bench-"); err != nil {
		return err
	}
	if s.self, err = os.Executable(); err != nil {
		return err
	}
	s.bridge, err = child.Build(s.dir, "bridge", "./cmd/bridge")
	return err
}

func (s *stage) connect(ctx context.Context) (err error) {
	s.sources, s.seeds = map[plan]*topic{}, map[kind]seeded{}
	if s.conn, err = amqp.Dial(amqpURL()); err != nil {
		return fmt.Errorf("reach RabbitMQ (make brokers starts one): %w", err)
	}
	if s.client, err = kgo.NewClient(
		kgo.SeedBrokers(kafkaAddrs()...),
		kgo.MetadataMinAge(50*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	); err != nil {
		return err
	}
	s.admin = kadm.NewClient(s.client)
	if err = s.client.Ping(ctx); err != nil {
		return fmt.Errorf("reach Kafka (make brokers starts one): %w", err)
	}
	return nil
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
