package kafka

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/policies"
)

// pauseAfterOutage is how long a topic is not looked for again when Kafka did not
// answer.
const pauseAfterOutage = time.Second

// maxTopics is how many topics that messages named are remembered.
const maxTopics = 10_000

// isTopic keeps from the client what Kafka could not even refuse.
var isTopic = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`).MatchString

// destination is the topic of a message: the given one, the target's, or the one
// that the message names.
func (t *Target) destination(topic string, m *message.Message) (string, error) {
	if topic != "" {
		return topic, nil
	}
	name, ok := broker.Name(t.to.Topic, m, broker.ProtocolKafka)
	switch {
	case !ok:
		return "", unroutable(fmt.Errorf("the message does not name a topic (to.topic: %s)", t.to.Topic))
	case !isTopic(name) || name == "." || name == "..":
		return "", unroutable(fmt.Errorf("%.260q is no name of a Kafka topic", name))
	}
	return name, t.topics.of(name)
}

// unroutable is the fault of a message that names where it cannot go.
func unroutable(err error) error { return policies.Because(policies.Permanent, "unroutable", err) }

// nowhere reports whether a topic is not there for us: no fault of a message,
// unless the message has named it.
func nowhere(err error) bool {
	return unknown(err) || errors.Is(err, kerr.InvalidTopicException) || errors.Is(err, kerr.TopicAuthorizationFailed)
}

func unknown(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

// topics knows the topics that messages name. Each is looked for before its
// first record is sent: the client would keep a whole batch waiting for one that
// is missing.
type topics struct {
	mu    sync.Mutex
	known map[string]finding
}

// finding is what a look for a topic has told.
type finding struct {
	err   error     // nil: it is there
	until time.Time // when to look again; zero: when it is missed
}

// of is why a topic cannot be written to, or nil.
func (k *topics) of(name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known[name].err
}

// unseen returns those names of which nothing is known, each once.
func (k *topics) unseen(names []string, now time.Time) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	asked := map[string]bool{}
	for _, name := range names {
		f, seen := k.known[name]
		if (!seen || !f.until.IsZero() && now.After(f.until)) && !asked[name] {
			out = append(out, name)
			asked[name] = true
		}
	}
	return out
}

func (k *topics) note(name string, f finding) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || len(k.known) >= maxTopics {
		k.known = map[string]finding{}
	}
	k.known[name] = f
}

func (k *topics) forget(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, name)
}

// look looks for the topics that messages name, where nothing is known of them.
func (t *Target) look(msgs []*message.Message) {
	var names []string
	for _, m := range msgs {
		if name, ok := broker.Name(t.to.Topic, m, broker.ProtocolKafka); ok && isTopic(name) {
			names = append(names, name)
		}
	}
	names = t.topics.unseen(names, time.Now())
	if len(names) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	admin := kadm.NewClient(t.client)
	found, err := list(ctx, admin, names)
	if err != nil {
		err = t.watch.reached(err)
		t.watch.news.Tell(err)
		for _, name := range names {
			t.topics.note(name, finding{policies.As(policies.Unavailable, err), time.Now().Add(pauseAfterOutage)})
		}
		return
	}
	t.readLimits(ctx, admin, names...)
	for _, name := range names {
		var f finding
		if err := found[name].Err; nowhere(err) {
			f = missing(name, err)
		}
		t.recognise(name, found[name].ID)
		t.topics.note(name, f)
	}
}

// list asks for topics. Where one is denied the client tells nothing of any, so
// they are asked for one by one then.
func list(ctx context.Context, admin *kadm.Client, names []string) (kadm.TopicDetails, error) {
	found, err := admin.ListTopics(ctx, names...)
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		return found, err
	}
	found = kadm.TopicDetails{}
	for _, name := range names {
		one, err := admin.ListTopics(ctx, name)
		switch {
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			found[name] = kadm.TopicDetail{Topic: name, Err: err}
		case err != nil:
			return nil, err
		default:
			found[name] = one[name]
		}
	}
	return found, nil
}

// missing is what is found of a topic that is not there for us.
func missing(name string, err error) finding {
	return finding{unroutable(fmt.Errorf("topic %q, named by the message: %w", name, err)), time.Now().Add(lookAgain)}
}
