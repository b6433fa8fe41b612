package stock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/bridge/config"
)

const socketTimeout = 5 * time.Second

// cluster is how a Kafka is reached.
type cluster struct {
	cfg    config.Kafka
	access *secure.Access
}

func (c cluster) ping(context.Context) error {
	cfg, err := c.sarama("bridge-ping")
	if err != nil {
		return err
	}
	client, err := sarama.NewClient(c.cfg.Brokers, cfg)
	if err != nil {
		return c.failed(err)
	}
	return client.Close()
}

func (c cluster) failed(err error) error {
	return fmt.Errorf("reach Kafka at %v: %w", c.cfg.Brokers, err)
}

// sarama is what all its clients have in common. The version is that of the
// protocol: what every Kafka speaks that is not out of support.
func (c cluster) sarama(id string) (*sarama.Config, error) {
	cfg := sarama.NewConfig()
	cfg.ClientID = id
	cfg.Version = sarama.V2_8_0_0
	cfg.Net.DialTimeout = socketTimeout
	cfg.Metadata.AllowAutoTopicCreation = false
	cfg.Metadata.Retry.Max, cfg.Metadata.Retry.Backoff = 2, 250*time.Millisecond
	if c.cfg.TLS != nil {
		// Not Net.TLS: the client would encrypt with certificates that it read once.
		cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, encrypted{c.access}
	}
	if s := c.cfg.SASL; s != nil {
		if s.Mechanism != config.Plain {
			return nil, fmt.Errorf("the stock client logs in with %s only", config.Plain)
		}
		cfg.Net.SASL.Enable, cfg.Net.SASL.Mechanism = true, sarama.SASLTypePlaintext
		cfg.Net.SASL.User, cfg.Net.SASL.Password = s.Username, c.access.Secret("kafka.sasl.password", s.Password)
	}
	return cfg, nil
}

// encrypted is how the client opens a connection with TLS.
type encrypted struct{ access *secure.Access }

func (e encrypted) Dial(network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), socketTimeout)
	defer cancel()
	return e.access.Dial(ctx, new(net.Dialer).DialContext, network, addr)
}

// topic is a topic that a route names, and a client of our own to ask for it.
type topic struct {
	cluster
	topic   string
	end     string // of the route: from or to
	id      string // of the client
	declare config.Declare
	log     *slog.Logger

	mu     sync.Mutex
	client sarama.Client
	admin  sarama.ClusterAdmin
	closed bool
}

func (t *topic) name() string { return "kafka topic " + t.topic }

// asked returns a client for questions.
func (t *topic) asked() (sarama.Client, sarama.ClusterAdmin, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, nil, sarama.ErrClosedClient
	}
	if t.admin != nil {
		return t.client, t.admin, nil
	}
	cfg, err := t.sarama(t.id)
	if err != nil {
		return nil, nil, err
	}
	client, err := sarama.NewClient(t.cfg.Brokers, cfg)
	if err != nil {
		return nil, nil, t.failed(err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return nil, nil, errors.Join(t.failed(err), client.Close())
	}
	t.client, t.admin = client, admin
	return client, admin, nil
}

func (t *topic) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.admin != nil {
		_ = t.admin.Close() // and with it the client
	}
}

// verify makes sure that the topic is there. It creates it only if told to, and
// only if it is missing. It returns the number of its partitions.
func (t *topic) verify(name string) (partitions int, err error) {
	_, admin, err := t.asked()
	if err != nil {
		return 0, err
	}
	found, err := admin.DescribeTopics([]string{name})
	if err != nil {
		return 0, t.failed(err)
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("look for topic %q: %d answers", name, len(found))
	}
	switch err := found[0].Err; {
	case errors.Is(err, sarama.ErrNoError):
		return len(found[0].Partitions), nil
	case !errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		return 0, fmt.Errorf("look for topic %q: %w", name, err)
	case !t.declare.On || name != t.topic:
		return 0, pace.Later(t.missing(name))
	}
	return 0, t.create(admin)
}

func (t *topic) missing(name string) error {
	return fmt.Errorf(`topic %q %w; create it, or add "declare: { partitions: 6 }" to the route's %q`, name, broker.ErrMissing, t.end)
}

func (t *topic) create(admin sarama.ClusterAdmin) error {
	detail := &sarama.TopicDetail{NumPartitions: -1, ReplicationFactor: -1} // the broker's own defaults
	if t.declare.Partitions > 0 {
		detail.NumPartitions = int32(t.declare.Partitions)
	}
	if t.declare.Replication > 0 {
		detail.ReplicationFactor = int16(t.declare.Replication)
	}
	err := admin.CreateTopic(t.topic, detail, false)
	if err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return pace.Later(fmt.Errorf("create topic %q: %w", t.topic, err))
	}
	t.log.Info("the topic was created", "topic", t.topic)
	return nil
}
