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

// Delivery is a message that came.
type Delivery struct {
	*message.Message
	token   uint64
	session broker.Session
}

// Ack acknowledges it to the session that brought it.
func (d Delivery) Ack() { d.session.Ack([]uint64{d.token}) }

// Deliveries takes a carrier apart.
func Deliveries(carrier *message.Message) ([]Delivery, error) {
	c, ok := broker.Unpack(carrier)
	if !ok || len(c.Messages) != len(c.Tokens) || len(c.Messages) == 0 || c.Session == nil {
		return nil, fmt.Errorf("this is no carrier: %+v", c)
	}
	ds := make([]Delivery, len(c.Messages))
	for i, m := range c.Messages {
		ds[i] = Delivery{m, c.Tokens[i], c.Session}
	}
	return ds, nil
}

// Reader reads a source and takes its carriers apart. It is for one goroutine.
type Reader struct {
	Source   broker.Source
	State    *States                 // what the source's State is told
	Carriers <-chan *message.Message // to take them oneself
	Cancel   func()                  // ends the subscription
	Patience time.Duration           // for what must come; default 20 s

	t    testing.TB
	left []Delivery
}

// Subscribe reads a source, until the test ends at the latest. State is what the
// options of the source have.
func Subscribe(t testing.TB, src broker.Source, state *States) *Reader {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, err := src.Subscribe(ctx, "")
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	r := &Reader{Source: src, State: state, Carriers: out, Cancel: cancel, Patience: soon, t: t}
	t.Cleanup(r.Close)
	return r
}

// read opens a source with this window; further options by the function.
func read(t testing.TB, q Queue, window int, change func(*broker.SourceOptions)) *Reader {
	t.Helper()
	from := q.From()
	from.Window = window
	return readFrom(t, q, from, change)
}

func readFrom(t testing.TB, q Queue, from config.From, change func(*broker.SourceOptions)) *Reader {
	t.Helper()
	opts, st := optionsOf(change)
	return Subscribe(t, q.Source(t, from, opts), st)
}

// Close ends the source now; what was not acknowledged goes back.
func (r *Reader) Close() {
	r.t.Helper()
	r.Cancel()
	if err := r.Source.Close(); err != nil {
		r.t.Errorf("close: %v", err)
	}
}

// optionsOf are the options of a source, and what its State is told.
func optionsOf(change func(*broker.SourceOptions)) (broker.SourceOptions, *States) {
	st := &States{}
	opts := broker.SourceOptions{Route: "route", Owner: "owner", State: st.Hear}
	if change != nil {
		change(&opts)
	}
	return opts, st
}

// Next returns n deliveries, or fails.
func (r *Reader) Next(n int) []Delivery {
	r.t.Helper()
	deadline := time.After(r.Patience)
	for len(r.left) < n {
		select {
		case m, ok := <-r.Carriers:
			if !ok {
				r.t.Fatalf("the source ended after %d of %d", len(r.left), n)
			}
			r.unpack(m)
		case <-deadline:
			r.t.Fatalf("%d of %d came; told: %v", len(r.left), n, r.State.All())
		}
	}
	out := slices.Clone(r.left[:n])
	r.left = r.left[n:]
	return out
}

// Some returns what comes until nothing comes for a while.
func (r *Reader) Some(idle time.Duration) []Delivery {
	r.t.Helper()
	for {
		select {
		case m, ok := <-r.Carriers:
			if ok {
				r.unpack(m)
				continue
			}
		case <-time.After(idle):
		}
		out := r.left
		r.left = nil
		return out
	}
}

// none fails if anything comes.
func (r *Reader) none() {
	r.t.Helper()
	if ds := r.Some(quiet); len(ds) > 0 {
		r.t.Fatalf("%d deliveries too many: %s…", len(ds), ds[0].Payload)
	}
}

func (r *Reader) unpack(carrier *message.Message) {
	r.t.Helper()
	ds, err := Deliveries(carrier)
	if err != nil {
		r.t.Fatal(err)
	}
	r.left = append(r.left, ds...)
}

// States is what State was told.
type States struct {
	mu   sync.Mutex
	errs []error
}

// Hear is the State of the options.
func (s *States) Hear(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

// All returns it, the oldest first.
func (s *States) All() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.errs)
}

// Says reports whether the last that was told says this; "": that it works.
func (s *States) Says(text string) bool {
	all := s.All()
	if len(all) == 0 {
		return false
	}
	err := all[len(all)-1]
	return err == nil && text == "" || err != nil && text != "" && strings.Contains(err.Error(), text)
}

// String is all of it.
func (s *States) String() string { return fmt.Sprint(s.All()) }

// await returns when State was told what fits, after the first n.
func (s *States) await(t testing.TB, what string, n int, fits func(error) bool) (after int) {
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
func bodies(ds []Delivery) string {
	var b []string
	for _, d := range ds {
		b = append(b, string(d.Payload))
	}
	return strings.Join(b, " ")
}

func ackAll(ds []Delivery) {
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
