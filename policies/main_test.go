package policies

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errFlaky = errors.New("flaky")
	errAway  = As(Unavailable, errors.New("connection refused"))
	errBad   = Because(Permanent, "too_large", errors.New("message too large"))
	errStop  = As(Interrupted, errors.New("stopping"))
)

// messages makes n messages named 0, 1, ….
func messages(n int) []*message.Message {
	msgs := make([]*message.Message, n)
	for i := range msgs {
		msgs[i] = message.NewMessage(strconv.Itoa(i), []byte("body"))
	}
	return msgs
}

// always is a batch whose every message ends so.
func always(err error) Batch {
	return func(msgs []*message.Message) []error {
		errs := make([]error, len(msgs))
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
}

// handler fails with errs one after another, then succeeds.
func handler(calls *int, errs ...error) message.HandlerFunc {
	return func(*message.Message) ([]*message.Message, error) {
		*calls++
		if *calls <= len(errs) {
			return nil, errs[*calls-1]
		}
		return nil, nil
	}
}

func times(n int, err error) []error { return always(err)(messages(n)) }

func verdict(t *testing.T, err error) *Verdict {
	t.Helper()
	var v *Verdict
	if !errors.As(err, &v) {
		t.Fatalf("got %v, want a verdict", err)
	}
	return v
}

// ended is a message whose context has ended.
func ended() *message.Message {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return message.NewMessageWithContext(ctx, "ended", nil)
}

// recorder is a publisher that keeps what it is given, after failing as told.
type recorder struct {
	mu     sync.Mutex
	fail   []error
	asked  int
	topics []string
	msgs   []*message.Message
}

func (r *recorder) Publish(topic string, msgs ...*message.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.asked <= len(r.fail) {
		return r.fail[r.asked-1]
	}
	for _, m := range msgs {
		r.topics, r.msgs = append(r.topics, topic), append(r.msgs, m)
	}
	return nil
}

func (*recorder) Close() error { return nil }

func (r *recorder) got() []*message.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.msgs
}
