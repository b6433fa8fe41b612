package kafka

import (
	"errors"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/policies"
)

var errBehind = errors.New("not published: an earlier message of its key was too large")

// singly sends again, one by one, what failed because it, or its batch, was too
// large: Kafka refuses a batch as a whole, and the record that is to blame shall
// fail alone. It goes through a client without a limit of its own, so that the
// broker decides, by the limit that it has now.
func (t *Target) singly(topic string, msgs []*message.Message, errs []error) {
	var failed map[string]bool // keys
	for i, err := range errs {
		if !tooLarge(err) {
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
	client, err := t.aloneClient()
	if err != nil {
		return err
	}
	return fly(client, topic, []*message.Message{m}, t.watch.late)[0]
}

func (t *Target) aloneClient() (*kgo.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, kgo.ErrClientClosed
	}
	if t.alone == nil {
		client, err := t.producer(aloneBytes, t.watch)
		if err != nil {
			return nil, err
		}
		t.alone = client
	}
	return t.alone, nil
}

// batchLimit is the size of a batch: no larger than the topic takes, or Kafka
// would refuse one batch after the other.
func (t *Target) batchLimit(topic string, limit int32) int32 {
	if topic != t.topic || limit == aloneBytes {
		return limit
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limit > 0 {
		return max(min(limit, t.limit), minBatch)
	}
	return limit
}

// minBatch is the least that the client takes for a limit.
const minBatch = 512
