package kafka_test

import (
	"context"
	"flag"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/bridge/internal/securedkafka"
)

// Most of these tests wait for Kafka most of the time, so many run at once.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(stopping{m})
}

// stopping ends the Kafka with logins before leaks are looked for.
type stopping struct{ *testing.M }

func (s stopping) Run() int {
	defer securedkafka.Stop()
	return s.M.Run()
}

func TestRealKafka(t *testing.T) {
	t.Parallel()
	brokertest.TestTargets(t, targets(rig.Kafka))
}

func TestFakeKafka(t *testing.T) {
	t.Parallel()
	brokertest.TestTargets(t, targets(fake))
}

func fake(t testing.TB) []string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

func targets(seeds func(testing.TB) []string) brokertest.Targets {
	// One cluster for all topics of a test: a target can write to another's.
	seeds = once(seeds)
	return brokertest.Targets{
		Topic: func(t testing.TB) brokertest.Topic {
			tp := &topic{seeds: seeds(t), name: rig.Name(t)}
			tp.Create(t)
			return tp
		},
		Missing: func(t testing.TB) brokertest.Topic {
			return &topic{seeds: seeds(t), name: rig.Name(t)}
		},
		Traits:   kafka.Traits(),
		TooLarge: 2 << 20, // over Kafka's default of 1 MiB
	}
}

// once remembers the cluster of a test.
func once(seeds func(testing.TB) []string) func(testing.TB) []string {
	var mu sync.Mutex
	known := map[string][]string{}
	return func(t testing.TB) []string {
		mu.Lock()
		defer mu.Unlock()
		if known[t.Name()] == nil {
			known[t.Name()] = seeds(t)
		}
		return known[t.Name()]
	}
}

type topic struct {
	seeds []string
	name  string
}

func (tp *topic) To() config.To {
	return config.To{Broker: "test", Topic: config.Dynamic{Fixed: tp.name}}
}

func (tp *topic) Target(t testing.TB, to config.To, opts broker.TargetOptions) broker.Target {
	t.Helper()
	target, err := kafka.New("test", config.Kafka{Brokers: tp.seeds}, nil).Target(to, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tp.remove(t) })
	return target
}

func (tp *topic) client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(tp.seeds...)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (tp *topic) Create(t testing.TB) {
	t.Helper()
	client := tp.client(t)
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(t.Context(), 3, 1, nil, tp.name); err != nil {
		t.Fatal(err)
	}
	for { // it is there some milliseconds later
		offsets, err := admin.ListEndOffsets(t.Context(), tp.name)
		if err == nil && offsets.Error() == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (tp *topic) remove(t testing.TB) {
	client := tp.client(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _ = kadm.NewClient(client).DeleteTopic(ctx, tp.name)
}

func (tp *topic) Read(t testing.TB, n int) []*message.Message {
	t.Helper()
	client := tp.client(t, kgo.ConsumeTopics(tp.name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var msgs []*message.Message
	for len(msgs) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("read %d of %d: %v", len(msgs), n, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { msgs = append(msgs, fromRecord(r)) })
	}
	return msgs
}

func fromRecord(r *kgo.Record) *message.Message {
	m := &message.Message{Metadata: message.Metadata{}, Payload: r.Value}
	for _, h := range r.Headers {
		m.Metadata[h.Key] = string(h.Value)
	}
	if r.Key != nil {
		m.Metadata[broker.HeaderKey] = string(r.Key)
	}
	return m
}
