package service_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/bridgetest"
	"github.com/brokerbridge/bridge/examples/internal/service"
	"github.com/brokerbridge/bridge/examples/internal/table"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/policies"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// broker is what a service publishes to.
type broker struct {
	mu   sync.Mutex
	away bool
	ids  []string
}

func (b *broker) Publish(_ string, msgs ...*message.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return errors.New("away")
	}
	for _, m := range msgs {
		b.ids = append(b.ids, m.UUID)
	}
	return nil
}

func (b *broker) Close() error { return nil }

func (b *broker) set(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func (b *broker) got() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.ids)
}

// numbers are n messages about one order.
func numbers(t *testing.T, n int) (msgs []*message.Message) {
	t.Helper()
	for revision := 1; revision <= n; revision++ {
		m, err := service.New("customer", "echo", "A", "number", revision, revision)
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, m.Encode())
	}
	return msgs
}

// echo adds a number up and sends it on.
func echo(tx *service.Tx, m service.Message) error {
	var n int
	if err := m.Read(&n); err != nil {
		return err
	}
	tx.Count("sum", n)
	_, err := tx.Send("out", m.Order, "number", n)
	return err
}

func start(t *testing.T, dir string, from *bridgetest.Source, to *broker, handle func(*service.Tx, service.Message) error, alarm func(string)) *service.Service {
	t.Helper()
	s, err := service.Start(t.Context(), service.Config{
		Name: "echo", Dir: dir, Subscriber: from, Publisher: to, Handle: handle,
		Retry: policies.Retry{Attempts: 2, Initial: time.Millisecond},
		Say:   func(string, string, string) {},
		Alarm: func(_, text string) { alarm(text) }, Failed: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func source(t *testing.T, n int) *bridgetest.Source {
	t.Helper()
	return bridgetest.NewSource(bridgetest.Options{
		Messages: numbers(t, n), Shuffle: n, Duplicates: 0.5,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("order")}, Revision: ordering.Header("revision")}.Identify,
	})
}

// What comes twice and in any order is handled once and in order, and what is sent
// has ids of its own; a broker that is away gets it later, also from the next
// process.
func TestOutbox(t *testing.T) {
	dir, to := t.TempDir(), &broker{away: true}
	from := source(t, 20)
	s := start(t, dir, from, to, echo, fail(t))
	await(t, "all to be handled", func() bool { return sum(t, s) == 210 })
	if err := errors.Join(s.Close(), from.Close()); err != nil {
		t.Fatal(err)
	}
	if len(to.got()) > 0 {
		t.Fatalf("a broker that is away has got %v", to.got())
	}

	again := from.Restart()
	s = start(t, dir, again, to, echo, fail(t))
	to.set(false)
	await(t, "all to be sent", func() bool { return rests(t, s) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var want []string
	for n := range 20 {
		want = append(want, fmt.Sprintf("A.echo.out.%d", n+1))
	}
	got := to.got()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the broker has %v", got)
	}
}

// A message that was handled and comes again, because the process was killed before
// its checkpoint, changes nothing: here everything comes again, to a service whose
// checkpoints are gone.
func TestInbox(t *testing.T) {
	dir, to := t.TempDir(), &broker{}
	for range 2 {
		from := source(t, 20)
		s := start(t, dir, from, to, echo, fail(t))
		if err := from.AwaitAcks(t.Context()); err != nil {
			t.Fatal(err)
		}
		await(t, "all to be sent", func() bool { return rests(t, s) })
		if n, sent := sum(t, s), len(to.got()); n != 210 || sent != 20 {
			t.Errorf("the sum is %d, and %d were sent", n, sent)
		}
		if err := errors.Join(s.Close(), from.Close(), os.RemoveAll(filepath.Join(dir, "store"))); err != nil {
			t.Fatal(err)
		}
	}
}

// A handler that fails changes nothing and sends nothing. Its message is a dead
// letter, of which a person hears, and what follows waits until it is redriven.
func TestDeadLetter(t *testing.T) {
	var mu sync.Mutex
	broken, alarms := true, 0
	handle := func(tx *service.Tx, m service.Message) error {
		mu.Lock()
		defer mu.Unlock()
		err := echo(tx, m)
		if broken && m.Revision == 2 {
			err = errors.Join(err, errors.New("broken"))
		}
		return err
	}
	to, from := &broker{}, source(t, 3)
	s := start(t, t.TempDir(), from, to, handle, func(string) {
		mu.Lock()
		defer mu.Unlock()
		alarms++
	})
	var id string
	await(t, "a dead letter", func() bool {
		dead, err := s.DeadLetters(t.Context(), "A")
		if err != nil {
			t.Fatal(err)
		}
		if len(dead) == 1 {
			id = dead[0].ID
		}
		return len(dead) == 1
	})
	if n := sum(t, s); n != 1 || rests(t, s) {
		t.Errorf("the sum is %d", n)
	}
	mu.Lock()
	if broken = false; alarms != 1 {
		t.Errorf("%d alarms", alarms)
	}
	mu.Unlock()
	if ok, err := s.Redrive(t.Context(), id, "mended"); err != nil || !ok {
		t.Fatal(ok, err)
	}
	await(t, "the rest to follow", func() bool { return sum(t, s) == 6 && rests(t, s) })
	if ok, err := s.Redrive(t.Context(), id, "mended"); err != nil || ok {
		t.Errorf("redriven twice: %v %v", ok, err)
	}
	if err := errors.Join(s.Close(), from.Close()); err != nil {
		t.Fatal(err)
	}
}

func fail(t *testing.T) func(string) {
	return func(text string) { t.Error("alarm:", text) }
}

func sum(t *testing.T, s *service.Service) (n int) {
	t.Helper()
	if err := s.View(func(tx *table.Tx) { tx.Get("sum", &n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

func rests(t *testing.T, s *service.Service) bool {
	t.Helper()
	ok, err := s.AtRest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatal("waited in vain for ", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
