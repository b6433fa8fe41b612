package kafka

import (
	"context"
	"errors"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/policies"
)

var errBehind = errors.New("not published: an earlier message of its key was refused")

// suspect reports whether a batch was refused because of one of its records:
// Kafka does not say which, and takes or refuses it as a whole.
func suspect(err error) bool {
	return tooLarge(err) || errors.Is(err, kerr.InvalidRecord) || errors.Is(err, kerr.InvalidTimestamp)
}

// singly sends again, one by one, what failed because it, or another record of
// its batch, was refused: the one that is to blame shall fail alone. It goes
// through a client without a limit of its own, so that the broker decides, by
// the limit that it has now. Records whose own time is refused get that of now.
func (t *Target) singly(topic string, msgs []*message.Message, errs []error) {
	var failed map[string]bool // keys
	for i, err := range errs {
		if !suspect(err) {
			continue
		}
		key, ok := msgs[i].Metadata[broker.HeaderKey]
		if ok && failed[key] {
			errs[i] = policies.As(policies.Interrupted, errBehind)
			continue
		}
		if errs[i] = t.sendAlone(topic, msgs[i]); errs[i] != nil && ok {
			if failed == nil {
				failed = map[string]bool{}
			}
			failed[key] = true
		}
	}
}

func (t *Target) sendAlone(topic string, m *message.Message) error {
	client, err := t.takeAlone()
	defer func() { t.alone <- client }()
	if err != nil {
		return &refusal{topic, err}
	}
	err = t.fly(client, topic, []*message.Message{m}, false)[0]
	if errors.Is(err, kerr.InvalidTimestamp) {
		err = t.fly(client, topic, []*message.Message{m}, true)[0]
	}
	return err
}

// aloneAtOnce is how many records are sent alone at a time.
const aloneAtOnce = 4

// aloneClients is room for the clients that send records alone. Each has one at a
// time: two that wait for the same partition would share a batch, and its fate.
func aloneClients() chan *kgo.Client {
	free := make(chan *kgo.Client, aloneAtOnce)
	for range aloneAtOnce {
		free <- nil // made when it is needed
	}
	return free
}

// takeAlone takes a client that has nothing to send, or the right to have one.
func (t *Target) takeAlone() (*kgo.Client, error) {
	client := <-t.alone
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return client, kgo.ErrClientClosed
	}
	if client != nil {
		return client, nil
	}
	client, err := t.producer(aloneBytes, t.watch)
	if err == nil {
		t.alones = append(t.alones, client)
	}
	return client, err
}

// batchLimit is the size of a batch: no larger than the topic takes, or Kafka
// would refuse one batch after the other.
func (t *Target) batchLimit(topic string, limit int32) int32 {
	if limit == aloneBytes {
		return limit
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.limits[topic]; n > 0 {
		return max(min(limit, n), minBatch)
	}
	return limit
}

// readLimits asks how large a batch topics take. Who may not ask goes without.
func (t *Target) readLimits(ctx context.Context, admin *kadm.Client, names ...string) {
	configs, err := admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limits == nil || len(t.limits) > maxTopics {
		t.limits, t.least = map[string]int32{}, map[string]int32{}
	}
	for _, c := range configs {
		for _, entry := range c.Configs {
			if entry.Key != "max.message.bytes" || entry.Value == nil {
				continue
			}
			if n, err := strconv.ParseInt(*entry.Value, 10, 32); err == nil {
				t.limits[c.Name] = int32(n)
				if least, known := t.least[c.Name]; !known || int32(n) < least {
					t.least[c.Name] = int32(n)
				}
			}
		}
	}
}

// minBatch is the least that the client takes for a limit.
const minBatch = 512
