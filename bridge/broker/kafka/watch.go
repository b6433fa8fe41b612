package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/told"
)

const (
	lookAgain   = 5 * time.Second // for a topic that is missing
	lookTimeout = 10 * time.Second
)

// watch knows whether the target answers, and tells State when that changes. It
// looks for the topic before the first publish and whenever it went missing.
type watch struct {
	t      *Target
	look   chan struct{} // has an element when the topic is to be looked for
	looked chan struct{} // closed after the first look
	ended  chan struct{}

	mu   sync.Mutex
	gone error // why nothing can be published
	dial error // the last connection that failed, until one succeeds

	news *told.Teller
}

func newWatch(t *Target) *watch {
	w := &watch{
		t:    t,
		news: told.Target(t.log, t.opts.State),
		look: make(chan struct{}, 1), looked: make(chan struct{}), ended: make(chan struct{}),
	}
	w.look <- struct{}{}
	return w
}

// run looks for the topic whenever it is told to, until it is there.
func (w *watch) run(ctx context.Context) {
	defer close(w.ended)
	first := sync.OnceFunc(func() { close(w.looked) })
	defer first()
	for {
		select {
		case <-w.look:
		case <-ctx.Done():
			return
		}
		w.find(ctx, first)
		select {
		case <-w.look: // asked for while it was missing, and answered by this look
		default:
		}
	}
}

// find returns when the topic is there, or ctx ends.
func (w *watch) find(ctx context.Context, looked func()) {
	pace := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(200*time.Millisecond),
		backoff.WithMaxInterval(lookAgain),
		backoff.WithMaxElapsedTime(0))
	for {
		err := w.verify(ctx)
		if ctx.Err() != nil {
			return
		}
		w.set(err)
		looked()
		if err == nil {
			return
		}
		pause := pace.NextBackOff()
		if errors.Is(err, broker.ErrMissing) {
			pause = lookAgain
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

func (w *watch) set(err error) {
	w.mu.Lock()
	w.gone = err
	w.mu.Unlock()
	w.news.Tell(err)
}

// verify looks for the topic and creates it if told to. Where messages name the
// topic, it is enough that Kafka answers.
func (w *watch) verify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if w.t.topic == "" {
		return w.reached(w.t.client.Ping(ctx))
	}
	admin := kadm.NewClient(w.t.client)
	topics, err := admin.ListTopics(ctx, w.t.topic)
	if err != nil {
		return w.reached(err)
	}
	err = topics[w.t.topic].Err
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		err = w.create(ctx, admin)
	}
	if err != nil {
		return err
	}
	w.t.recognise(w.t.topic, topics[w.t.topic].ID)
	w.t.readLimits(ctx, admin, w.t.topic)
	return nil
}

// reached says where Kafka was looked for, if it did not answer.
func (w *watch) reached(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reach Kafka at %v: %w", w.t.b.cfg.Brokers, w.because(err))
}

// because prefers what happened when connecting to "the time is up".
func (w *watch) because(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dial != nil && errors.Is(err, context.DeadlineExceeded) {
		return w.dial
	}
	return w.t.b.why(err)
}

func (w *watch) create(ctx context.Context, admin *kadm.Client) error {
	declare := w.t.to.Declare
	if !declare.On {
		return fmt.Errorf(`topic %q %w; create it, or add "declare: { partitions: 6 }" to the route's "to"`,
			w.t.topic, broker.ErrMissing)
	}
	partitions, replication := int32(-1), int16(-1) // the broker's own defaults
	if declare.Partitions > 0 {
		partitions = int32(declare.Partitions)
	}
	if declare.Replication > 0 {
		replication = int16(declare.Replication)
	}
	_, err := admin.CreateTopic(ctx, partitions, replication, nil, w.t.topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %q: %w", w.t.topic, err)
	}
	w.t.log.Info("the topic was created")
	return nil
}

// missing is why nothing can be published, or nil. Before the first look it
// waits for that.
func (w *watch) missing() error {
	<-w.looked
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone
}

// lost has the topic looked for, because a publish did not find it.
func (w *watch) lost() {
	select {
	case w.look <- struct{}{}:
	default:
	}
}

// answered notes that Kafka confirmed or refused something.
func (w *watch) answered() { w.news.Tell(nil) }

// late notes that a publish takes long.
func (w *watch) late() {
	err := fmt.Errorf("no answer from Kafka for %v", patience)
	w.mu.Lock()
	if w.dial != nil {
		err = fmt.Errorf("%w: %w", err, w.dial)
	}
	w.mu.Unlock()
	w.news.Tell(err)
}

// OnBrokerConnect is the client's hook: it remembers why connecting fails, which
// the client's own errors do not say.
func (w *watch) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dial = w.t.b.why(err)
}

var (
	_ kgo.HookBrokerConnect = (*watch)(nil)
	_ broker.Target         = (*Target)(nil)
)
