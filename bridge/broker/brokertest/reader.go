package brokertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
)

const (
	soon  = 20 * time.Second       // for what must happen
	quiet = 300 * time.Millisecond // for what must not
)

// got is a delivery.
type got struct {
	*message.Message
	token   uint64
	session broker.Session
}

func (g got) ack() { g.session.Ack([]uint64{g.token}) }

// reader reads a source and takes carriers apart.
type reader struct {
	t      testing.TB
	src    broker.Source
	state  *states
	out    <-chan *message.Message
	cancel context.CancelFunc
	left   []got
}

// read opens a source with this window; further options by the function.
func read(t testing.TB, q Queue, window int, change func(*broker.SourceOptions)) *reader {
	t.Helper()
	from := q.From()
	from.Window = window
	return readFrom(t, q, from, change)
}

func readFrom(t testing.TB, q Queue, from config.From, change func(*broker.SourceOptions)) *reader {
	t.Helper()
	opts, st := optionsOf(change)
	src := q.Source(t, from, opts)
	ctx, cancel := context.WithCancel(context.Background())
	out, err := src.Subscribe(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := src.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &reader{t: t, src: src, state: st, out: out, cancel: cancel}
}

// close ends the source now; what was not acknowledged goes back.
func (r *reader) close() {
	r.t.Helper()
	r.cancel()
	if err := r.src.Close(); err != nil {
		r.t.Errorf("close: %v", err)
	}
}

// optionsOf are the options of a source, and what its State is told.
func optionsOf(change func(*broker.SourceOptions)) (broker.SourceOptions, *states) {
	st := &states{}
	opts := broker.SourceOptions{Route: "route", Owner: "owner", State: st.told}
	if change != nil {
		change(&opts)
	}
	return opts, st
}

// next returns n deliveries, or fails.
func (r *reader) next(n int) []got {
	r.t.Helper()
	deadline := time.After(soon)
	for len(r.left) < n {
		select {
		case m, ok := <-r.out:
			if !ok {
				r.t.Fatalf("the source ended after %d of %d", len(r.left), n)
			}
			r.unpack(m)
		case <-deadline:
			r.t.Fatalf("got %d of %d deliveries; state: %v", len(r.left), n, r.state.last())
		}
	}
	out := slices.Clone(r.left[:n])
	r.left = r.left[n:]
	return out
}

// none fails if anything comes.
func (r *reader) none() {
	r.t.Helper()
	select {
	case m, ok := <-r.out:
		if ok {
			r.unpack(m)
		}
	case <-time.After(quiet):
	}
	if len(r.left) > 0 {
		r.t.Fatalf("%d deliveries too many: %s…", len(r.left), r.left[0].Payload)
	}
}

func (r *reader) unpack(m *message.Message) {
	r.t.Helper()
	c, ok := broker.Unpack(m)
	if !ok || len(c.Messages) != len(c.Tokens) || len(c.Messages) == 0 || c.Session == nil {
		r.t.Fatalf("this is no carrier: %+v", c)
	}
	for i, m := range c.Messages {
		r.left = append(r.left, got{m, c.Tokens[i], c.Session})
	}
}

// states records what State was told.
type states struct {
	mu   sync.Mutex
	errs []error
}

func (s *states) told(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

func (s *states) last() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errs) == 0 {
		return "not told"
	}
	return s.errs[len(s.errs)-1]
}

// await returns when State was told what fits, after the first n.
func (s *states) await(t testing.TB, what string, n int, fits func(error) bool) (after int) {
	t.Helper()
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		for i := n; i < len(s.errs); i++ {
			if fits(s.errs[i]) {
				s.mu.Unlock()
				return i + 1
			}
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Fatalf("State was not told %s, but %q", what, s.errs[min(n, len(s.errs)):])
	return 0
}

func isNil(err error) bool { return err == nil }

func isError(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func anyError(err error) bool { return err != nil }

// numbered are n messages whose bodies are their numbers, from first.
func numbered(first, n int) []*message.Message {
	msgs := make([]*message.Message, n)
	for i := range msgs {
		msgs[i] = plain(fmt.Sprint(first + i))
	}
	return msgs
}

func plain(body string) *message.Message {
	return &message.Message{Metadata: message.Metadata{}, Payload: []byte(body)}
}

// bodies of deliveries, separated by blanks.
func bodies(ds []got) string {
	var b []string
	for _, d := range ds {
		b = append(b, string(d.Payload))
	}
	return strings.Join(b, " ")
}

func ackAll(ds []got) {
	bySession := map[broker.Session][]uint64{}
	for _, d := range ds {
		bySession[d.session] = append(bySession[d.session], d.token)
	}
	for s, tokens := range bySession {
		s.Ack(tokens)
	}
}

// eventually fails if the condition does not come true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// holds fails unless so many messages wait in the queue, and go on to: some
// brokers count a little later.
func holds(t testing.TB, q Queue, want int) {
	t.Helper()
	got := -1
	for end := time.Now().Add(soon / 2); got != want && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		got = q.Depth(t)
	}
	if got == want {
		time.Sleep(quiet)
		got = q.Depth(t)
	}
	if got != want {
		t.Errorf("%d messages wait, want %d", got, want)
	}
}
