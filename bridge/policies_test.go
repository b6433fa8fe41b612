package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// withPolicies is a topology with one route and these policies.
func withPolicies(text string) string {
	return `
brokers:
  in: { memory: {} }
  out: { memory: {} }
store: { memory: {} }
admin: { listen: off }
routes:
  - name: one
    from: { broker: in, queue: one }
    to: { broker: out, topic: one }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
` + text
}

// deadLetters are those of route one, by message id.
func deadLetters(t *testing.T, s store.Store) map[string]store.DeadLetter {
	t.Helper()
	all := map[string]store.DeadLetter{}
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "one"}) {
		if errors.Is(err, store.ErrNotFound) { // the route has not started yet
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		all[d.Message.ID] = d
	}
	return all
}

// TestStopAfterPausesTheRoute: one wrong binding does not pour a source into the
// dead letters. The route pauses and says why, what was given up is mirrored all
// the same, and after a resume everything else goes on.
func TestStopAfterPausesTheRoute(t *testing.T) {
	r, s := brokers(), memorystore.New()
	r.out.Fail("one", func(*message.Message) error {
		return policies.Because(policies.Permanent, "unroutable", errors.New("no such binding"))
	})
	for i := range 500 {
		r.in.Put("one", event(fmt.Sprint("k", i), 1))
	}
	r.run(t, withPolicies(`
    dead_letter: { then: continue, stop_after: "5 of 10", to: { broker: out, topic: dead, declare: true } }
`), bridge.Options{Store: s})
	await(t, "the pause", func() bool { return r.route(t, "one").State == status.Paused })
	want := "stop_after: 5 of the last 5 messages became dead letters, 5 of them for unroutable: look at them with " +
		"bridge dlq ls --route one, mend what is wrong, then bridge routes resume one"
	if got := r.route(t, "one").Reason; got != want {
		t.Errorf("it says  %s\nit should %s", got, want)
	}
	if n := len(deadLetters(t, s)); n != 5 {
		t.Errorf("%d dead letters", n)
	}
	await(t, "the mirror", func() bool { m := r.route(t, "one").Mirror; return m != nil && m.Up && m.Pending == 0 })
	if n := len(r.out.Messages("dead")); n != 5 {
		t.Errorf("%d in the mirror", n)
	}
	r.out.Fail("one", nil)
	if out, err := r.Resume(t.Context(), "one", api.Change{By: "ann", Reason: "the binding is mended"}); err != nil || !out.Done {
		t.Fatalf("%+v %v", out, err)
	}
	await(t, "the rest", func() bool { return len(r.out.Messages("one")) == 495 })
	await(t, "rest", func() bool {
		c := r.route(t, "one").Counts
		return c.InMemory == 0 && c.Parked == 0 && c.Unaccounted == 0
	})
}

// TestRetryRulesOfTheFile: each failure has the attempts that its rule gives it.
func TestRetryRulesOfTheFile(t *testing.T) {
	r, s := brokers(), memorystore.New()
	r.out.Fail("one", func(m *message.Message) error {
		switch m.Metadata["key"] {
		case "large":
			return policies.Because(policies.Permanent, "too_large", errors.New("too large"))
		case "bad":
			return policies.As(policies.Permanent, errors.New("bad"))
		}
		return errors.New("flaky")
	})
	r.run(t, withPolicies(`
    retry:
      attempts: 4
      initial: 5ms
      max: 5ms
      rules:
        - { reason: too_large, attempts: 3 }
        - { class: transient, attempts: 2, initial: 1ms }
`), bridge.Options{Store: s})
	r.in.Put("one", event("large", 1), event("bad", 1), event("flaky", 1))
	await(t, "the dead letters", func() bool { return len(deadLetters(t, s)) == 3 })
	got := map[string]string{}
	for id, d := range deadLetters(t, s) {
		got[id] = fmt.Sprint(d.Reason, " after ", d.Attempts)
	}
	if want := map[string]string{"large-1": "too_large after 3", "bad-1": "permanent after 1", "flaky-1": "max_attempts after 2"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestTimeoutWithoutABreaker: `retry.timeout` holds without a breaker too. What
// hangs when it is published is not sent again, spends no try, and is delivered
// when the target answers; other keys flow meanwhile, however many hang.
func TestTimeoutWithoutABreaker(t *testing.T) {
	r, s := brokers(), memorystore.New()
	answer := make(chan struct{})
	var sent atomic.Int64
	r.out.Fail("one", func(m *message.Message) error {
		if strings.HasPrefix(m.Metadata["key"], "hangs") && m.Metadata["revision"] == "1" {
			sent.Add(1)
			<-answer
		}
		return nil
	})
	r.run(t, withPolicies(`
    breaker: off
    retry: { attempts: 1, timeout: 50ms }
`), bridge.Options{Store: s})
	const hanging = 10
	for i := range int64(hanging) {
		r.in.Put("one", event(fmt.Sprint("hangs", i), 1), event(fmt.Sprint("hangs", i), 2))
		await(t, "the hanging publish", func() bool { return sent.Load() == i+1 })
	}
	for rev := 1; rev <= 3; rev++ {
		r.in.Put("one", event("flows", rev))
		await(t, "another key", func() bool { return len(r.revisions("one", "flows")) == rev })
	}
	if n := sent.Load(); n != hanging {
		t.Errorf("sent %d times", n)
	}
	close(answer)
	for i := range hanging {
		await(t, "the rest", func() bool { return slices.Equal(r.revisions("one", fmt.Sprint("hangs", i)), []string{"1", "2"}) })
	}
	if n := len(deadLetters(t, s)); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// TestPanicsAreContained: a panic costs its message, whose dead letter tells
// where it was.
func TestPanicsAreContained(t *testing.T) {
	r, s := brokers(), memorystore.New()
	r.out.Fail("one", func(m *message.Message) error {
		if m.Metadata["key"] == "bad" {
			panic("boom " + m.UUID)
		}
		return nil
	})
	r.run(t, withPolicies(""), bridge.Options{Store: s})
	r.in.Put("one", event("bad", 1), event("bad", 2), event("good", 1), event("good", 2))
	await(t, "the good ones", func() bool { return len(r.revisions("one", "good")) >= 2 })
	await(t, "the dead letter", func() bool { return len(deadLetters(t, s)) == 1 })
	d := deadLetters(t, s)["bad-1"]
	if d.Reason != "panic" || d.Class != "permanent" || d.Attempts != 1 {
		t.Errorf("%s, %s after %d", d.Reason, d.Class, d.Attempts)
	}
	if !strings.HasPrefix(d.Error, "panic: boom bad-1\n") || !strings.Contains(d.Error, "bridge/policies_test.go:") || len(d.Error) > 9<<10 {
		t.Errorf("%d bytes of error: %s", len(d.Error), d.Error)
	}
	await(t, "bad-2 to be parked", func() bool { return r.route(t, "one").Counts.Parked == 1 })
	time.Sleep(10 * time.Millisecond)
	if r.route(t, "one").State != status.Running {
		t.Errorf("%+v", r.route(t, "one"))
	}
}
