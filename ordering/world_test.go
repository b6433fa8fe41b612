package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// world is a source that redelivers what was not acknowledged, and a target
// that remembers what it got. It outlives the Resequencers under test, so that
// crashes can be played.
type world struct {
	t  *testing.T
	mu sync.Mutex

	queue   []sent       // not handed out
	out     map[int]sent // handed out, not acknowledged
	session int
	window  int

	got   []sent // what the target has, in order
	fail  func(*message.Message) error
	wrap  func([]*message.Message) func() // called before a batch, and what it returns after it
	apart bool                            // what follows in a chunk is taken by itself
	whole func([]*message.Message) bool   // whether a chunk is taken; if not, its head is, alone
	acked map[string]int
}

// sent is a message of the source.
type sent struct {
	key  string
	rev  int64
	body string
	id   string // of the message
	meta map[string]string
}

func newWorld(t *testing.T, window int) *world {
	return &world{t: t, out: map[int]sent{}, window: window, acked: map[string]int{}}
}

func (w *world) send(ms ...sent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, ms...)
}

func msg(key string, rev int64) sent {
	return sent{key: key, rev: rev, body: fmt.Sprintf("%s-%d", key, rev)}
}

func (s sent) message() *message.Message {
	m := &message.Message{UUID: s.id, Metadata: message.Metadata{}, Payload: []byte(s.body)}
	maps.Copy(m.Metadata, s.meta)
	if s.key != "" {
		m.Metadata["key"] = s.key
	}
	if s.rev >= 0 {
		m.Metadata["revision"] = strconv.FormatInt(s.rev, 10)
	}
	return m
}

// session is a source's connection: its acks count until it ends.
type session struct {
	w  *world
	id int
}

func (s *session) Ack(tokens []uint64) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.id != s.w.session {
		return
	}
	for _, tok := range tokens {
		m, ok := s.w.out[int(tok)]
		if !ok {
			s.w.t.Errorf("acked twice or never handed out: %d", tok)
		}
		delete(s.w.out, int(tok))
		s.w.acked[fmt.Sprintf("%s/%d", m.key, m.rev)]++
	}
}

// pump hands out what the window allows until ctx ends.
func (w *world) pump(ctx context.Context, take func(context.Context, ordering.Deliveries) error) {
	s := w.reconnect()
	token := 0
	for ctx.Err() == nil {
		var d ordering.Deliveries
		w.mu.Lock()
		for len(w.queue) > 0 && len(w.out) < w.window && len(d.Messages) < 50 {
			token++
			m := w.queue[0]
			w.queue = w.queue[1:]
			w.out[token] = m
			d.Messages = append(d.Messages, m.message())
			d.Tokens = append(d.Tokens, uint64(token))
		}
		w.mu.Unlock()
		d.Acker = s
		if err := take(ctx, d); err != nil {
			return
		}
		if len(d.Messages) == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// reconnect ends the session: what was not acknowledged is delivered again.
func (w *world) reconnect() *session {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.session++
	var back []sent
	for _, token := range slices.Sorted(maps.Keys(w.out)) { // as brokers do
		back = append(back, w.out[token])
	}
	w.out = map[int]sent{}
	w.queue = append(back, w.queue...)
	return &session{w: w, id: w.session}
}

func (w *world) lag(context.Context) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int64(len(w.queue)), nil
}

// publish is the target.
func (w *world) publish(msgs []*message.Message) []error {
	if w.wrap != nil {
		defer w.wrap(msgs)()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	errs := make([]error, len(msgs))
	for i, m := range msgs {
		if w.spoilt(msgs, i) || !w.apart && apart(msgs, errs, i) {
			errs[i] = errApart
			continue
		}
		if w.fail != nil {
			if errs[i] = w.fail(m); errs[i] != nil {
				continue
			}
		}
		rev, _ := strconv.ParseInt(m.Metadata["revision"], 10, 64)
		w.got = append(w.got, sent{key: m.Metadata["key"], rev: rev, body: string(m.Payload)})
	}
	return errs
}

// spoilt reports whether a message follows in a chunk that is not taken.
func (w *world) spoilt(msgs []*message.Message, i int) bool {
	id, at := ordering.Chunk(msgs[i])
	if w.whole == nil || at == 0 {
		return false
	}
	from, to := i-at, i
	for ; to < len(msgs); to++ {
		if other, _ := ordering.Chunk(msgs[to]); other != id {
			break
		}
	}
	return !w.whole(msgs[from:to])
}

// errApart refuses what was not sent because the one before it in its chunk was
// not taken.
var errApart = errors.New("not without the one before it")

// apart reports whether a message is not to be sent alone.
func apart(msgs []*message.Message, errs []error, i int) bool {
	id, at := ordering.Chunk(msgs[i])
	if at == 0 {
		return false
	}
	if i == 0 || errs[i-1] != nil {
		return true
	}
	before, n := ordering.Chunk(msgs[i-1])
	return before != id || n != at-1
}

// revisions are what the target got of a key, in order.
func (w *world) revisions(key string) []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rs []int64
	for _, g := range w.got {
		if g.key == key {
			rs = append(rs, g.rev)
		}
	}
	return rs
}

// settled reports whether the source has nothing left.
func (w *world) settled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) == 0 && len(w.out) == 0
}

// checkOrder checks I2: first deliveries rise strictly per key, without holes.
func (w *world) checkOrder(first int64) (duplicates int) {
	w.t.Helper()
	next := map[string]int64{}
	for _, g := range w.got {
		n, ok := next[g.key]
		if !ok {
			n = first
		}
		switch {
		case g.rev < n:
			duplicates++
		case g.rev > n:
			w.t.Fatalf("I2: key %s: revision %d came when %d was next", g.key, g.rev, n)
		default:
			next[g.key] = n + 1
		}
	}
	return duplicates
}

// running is a Resequencer at work in the world.
type running struct {
	*ordering.Resequencer
	take func(context.Context, ordering.Deliveries) error
	stop func() error
	over chan struct{} // Run has returned
}

func config(s store.Store, w *world) ordering.Config {
	return ordering.Config{
		Route: "r", Store: s, SingleInstance: true,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
		First:    1, Hold: 20 * time.Millisecond, GapTimeout: time.Second, OnGap: lane.Quarantine,
		Window: w.window, Chunk: 5, Lag: w.lag, Logger: slog.New(slog.DiscardHandler),
	}
}

// run starts a Resequencer; stop ends it orderly.
func (w *world) run(cfg ordering.Config) *running {
	w.t.Helper()
	r, err := ordering.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	take, err := r.Batch(w.publish)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	pumped := make(chan struct{})
	over := make(chan struct{})
	go func() { defer close(over); done <- r.Run(ctx) }()
	r.SourceUp()
	go func() { defer close(pumped); w.pump(ctx, take) }()
	var once sync.Once
	var result error
	stop := func() error {
		once.Do(func() { cancel(); <-pumped; result = <-done })
		return result
	}
	w.t.Cleanup(func() { _ = stop() })
	return &running{Resequencer: r, take: take, stop: stop, over: over}
}

// await waits until a condition holds.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// accounted checks I10 at rest.
func (r *running) accounted(t *testing.T) ordering.Stats {
	t.Helper()
	s, err := r.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := s.Unaccounted(); n != 0 {
		t.Fatalf("I10: %d messages unaccounted for: %+v", n, s)
	}
	return s
}

// shuffled displaces messages by up to so many places.
func shuffled(rng *rand.Rand, ms []sent, by int) []sent {
	type placed struct {
		sent
		at int
	}
	ps := make([]placed, len(ms))
	for i, m := range ms {
		ps[i] = placed{m, i + rng.IntN(by+1)}
	}
	out := make([]sent, 0, len(ms))
	for len(ps) > 0 {
		best := 0
		for i := 1; i < min(len(ps), by+1); i++ {
			if ps[i].at < ps[best].at {
				best = i
			}
		}
		out = append(out, ps[best].sent)
		ps = append(ps[:best], ps[best+1:]...)
	}
	return out
}

// stream is keys × revs messages, interleaved.
func stream(keys, revs int) []sent {
	var ms []sent
	for r := 1; r <= revs; r++ {
		for k := range keys {
			ms = append(ms, msg(fmt.Sprintf("k%d", k), int64(r)))
		}
	}
	return ms
}
