package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

const pausable = `
brokers:
  in: { memory: {} }
  out: { memory: {} }
store: { memory: {} }
admin: { listen: off }
routes:
  - name: one
    from: { broker: in, topic: one }
    to: { broker: out, topic: one }
    breaker: { min: 5, open_for: 100ms }
    order: { by: revision, key: header.key, revision: header.revision, first: 1, gap: { hold: 10ms, timeout: 300ms } }
`

// paused is a bridge with one route, whose source may be wrapped.
func paused(t *testing.T, s store.Store, wrap func(*memory.Broker) broker.Broker) *rig {
	t.Helper()
	r := brokers()
	r.run(t, pausable, bridge.Options{Store: s, Brokers: map[string]broker.Broker{"in": wrap(r.in), "out": r.out}})
	await(t, "the start", func() bool { return r.route(t, "one").State != status.Starting })
	return r
}

func plain(b *memory.Broker) broker.Broker { return b }

func mode(t *testing.T, s store.Store, key string) string {
	t.Helper()
	for rec, err := range s.Lanes(t.Context(), store.Query{Route: "one", Key: key}) {
		if err == nil {
			return rec.State.Mode.String()
		}
	}
	return ""
}

func change(reason string) api.Change { return api.Change{Reason: reason, By: "ann"} }

// TestRule7_NoGapAgesWhileAnOperatorPauses pauses in a gap: its time does not
// run, because what is missing could not come.
func TestRule7_NoGapAgesWhileAnOperatorPauses(t *testing.T) {
	s := memorystore.New()
	r := paused(t, s, plain)
	key := ""
	for n := 0; ; n++ {
		key = fmt.Sprint("key-", n)
		r.in.Put("one", event(key, 2))
		await(t, "the gap", func() bool { return mode(t, s, key) != "" })
		if out, err := r.Pause(t.Context(), "one", change("lunch")); err != nil || !out.Done {
			t.Fatal(out, err)
		}
		if mode(t, s, key) == "gap" {
			break
		}
		if _, err := r.Resume(t.Context(), "one", change("too late")); err != nil { // this machine was slow
			t.Fatal(err)
		}
	}
	time.Sleep(time.Second)
	if m := mode(t, s, key); m != "gap" {
		t.Errorf("it aged: the key is %s", m)
	}
	if out, err := r.Resume(t.Context(), "one", change("back")); err != nil || !out.Done {
		t.Fatal(out, err)
	}
	await(t, "its end", func() bool { return mode(t, s, key) == "gap_blocked" })
}

// TestAPauseOutlivesAnOutage has the target go away and come back while the route
// is paused: the end of the outage does not end the pause.
func TestAPauseOutlivesAnOutage(t *testing.T) {
	s := memorystore.New()
	sources := &pauses{}
	r := paused(t, s, sources.wrap)
	r.out.Fail("one", func(*message.Message) error { return policies.As(policies.Unavailable, errors.New("away")) })
	r.in.Put("one", event("a", 1), event("b", 1))
	await(t, "the outage", func() bool {
		return r.route(t, "one").Counts.Received == 2 && r.route(t, "one").State == status.Waiting
	})
	if _, err := r.Pause(t.Context(), "one", change("lunch")); err != nil {
		t.Fatal(err)
	}
	r.out.Fail("one", nil)
	await(t, "what was in hand", func() bool { return len(r.out.Messages("one")) == 2 })
	r.in.Put("one", event("a", 2))
	time.Sleep(300 * time.Millisecond)
	if n := len(r.out.Messages("one")); n != 2 || r.route(t, "one").State != status.Paused || !sources.last() {
		t.Errorf("%d messages came, the route is %s", n, r.route(t, "one").State)
	}
	if _, err := r.Resume(t.Context(), "one", change("back")); err != nil {
		t.Fatal(err)
	}
	await(t, "the rest", func() bool { return len(r.out.Messages("one")) == 3 && r.route(t, "one").Ready() })
}

// pauses is a broker that notes what its source is told.
type pauses struct {
	*memory.Broker
	mu  sync.Mutex
	all []bool
}

func (p *pauses) wrap(b *memory.Broker) broker.Broker { p.Broker = b; return p }

func (p *pauses) Source(from config.From, opts broker.SourceOptions) (broker.Source, error) {
	s, err := p.Broker.Source(from, opts)
	return tap{s, p}, err
}

func (p *pauses) note(paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, paused)
}

func (p *pauses) last() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all) > 0 && p.all[len(p.all)-1]
}

type tap struct {
	broker.Source
	of *pauses
}

func (s tap) Pause()  { s.of.note(true); s.Source.Pause() }
func (s tap) Resume() { s.of.note(false); s.Source.Resume() }

// rewound is a broker whose offsets do not fit: it delivers once they are
// accepted.
type rewound struct {
	*memory.Broker
	fault    error
	mu       sync.Mutex
	accepted []bool // what each start was told
}

func (b *rewound) wrap(m *memory.Broker) broker.Broker { b.Broker = m; return b }

func (b *rewound) starts() []bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.accepted)
}

func (b *rewound) Source(from config.From, opts broker.SourceOptions) (broker.Source, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accepted = append(b.accepted, opts.AcceptOffset)
	if opts.AcceptOffset {
		return b.Broker.Source(from, opts)
	}
	told := opts.State
	opts.State = func(error) { told(fmt.Errorf("%w: partition 3 is at 7", b.fault)) }
	s, err := b.Broker.Source(from, opts)
	if err == nil {
		s.Pause()
	}
	return silent{s}, err
}

type silent struct{ broker.Source }

func (silent) Resume() {}

// TestRule20_OffsetsAreAcceptedOnceAndOnlyIfSaid has a route wait for an operator
// who accepts its offsets, and takes them as they are for this one start.
func TestRule20_OffsetsAreAcceptedOnceAndOnlyIfSaid(t *testing.T) {
	for fault, state := range map[error]status.State{
		broker.ErrRewound: status.Paused, broker.ErrTruncated: status.Paused, broker.ErrRecreated: status.Paused,
		broker.ErrElsewhere: status.Waiting, // which may pass
	} {
		t.Run(fault.Error(), func(t *testing.T) {
			s, b := memorystore.New(), &rewound{fault: fault}
			r := paused(t, s, b.wrap)
			r.in.Put("one", event("a", 1))
			await(t, "the reason", func() bool {
				now := r.route(t, "one")
				return now.State == state && strings.Contains(now.Reason, fault.Error()+": partition 3")
			})
			out, err := r.Resume(t.Context(), "one", change("just so"))
			if e, ok := errors.AsType[*api.Error](err); out.Done || ok != (state == status.Paused) || ok && e.Code != api.OffsetNotAccepted {
				t.Errorf("without a word on the offsets: %+v %v", out, err)
			}
			accept := change("it is meant")
			accept.AcceptOffset = true
			if out, err := r.Resume(t.Context(), "one", accept); err != nil || !out.Done {
				t.Fatal(out, err)
			}
			await(t, "the message", func() bool { return len(r.out.Messages("one")) == 1 && r.route(t, "one").Ready() })
			if out, err := r.Resume(t.Context(), "one", accept); err != nil || out.Done {
				t.Errorf("of a route that runs: %+v %v", out, err)
			}
			if got := b.starts(); !slices.Equal(got, []bool{false, true}) {
				t.Errorf("the starts were told %v", got)
			}
			n := 0
			for a, err := range s.Audits(t.Context(), store.AuditQuery{Route: "one"}) {
				if n++; err != nil || a.Action != "accept_offset" || a.By != "ann" || a.Reason != accept.Reason {
					t.Errorf("%+v %v", a, err)
				}
			}
			if n != 1 {
				t.Errorf("the audit has %d entries", n)
			}
		})
	}
}

// TestI12_WhatCannotBeRecordedIsNotDone lets the store refuse the audit.
func TestI12_WhatCannotBeRecordedIsNotDone(t *testing.T) {
	s := &unwilling{Store: memorystore.New()}
	r := paused(t, s, plain)
	s.refuse.Store(true)
	if _, err := r.Pause(t.Context(), "one", change("lunch")); err == nil {
		t.Error("it is paused, and nobody will know by whom")
	}
	if now := r.route(t, "one"); now.State != status.Running {
		t.Errorf("%s %s", now.State, now.Reason)
	}
	s.refuse.Store(false)
	if out, err := r.Pause(t.Context(), "one", change("lunch")); err != nil || !out.Done {
		t.Error(out, err)
	}
}

func TestChangesOfNoRoute(t *testing.T) {
	r := paused(t, memorystore.New(), plain)
	to := change("r")
	to.To = new(int64)
	for name, do := range map[string]func(string) error{
		"pause":   func(n string) error { _, err := r.Pause(t.Context(), n, to); return err },
		"resume":  func(n string) error { _, err := r.Resume(t.Context(), n, to); return err },
		"redrive": func(n string) error { _, err := r.Redrive(t.Context(), n, "d", to); return err },
		"discard": func(n string) error { _, err := r.Discard(t.Context(), n, "d", to); return err },
		"skip":    func(n string) error { _, err := r.Skip(t.Context(), n, "k", to); return err },
		"release": func(n string) error { _, err := r.Release(t.Context(), n, "k", to); return err },
	} {
		if e, ok := errors.AsType[*api.Error](do("nowhere")); !ok || e.Code != api.UnknownRoute {
			t.Errorf("%s: %v", name, e)
		}
		e, ok := errors.AsType[*api.Error](do("one"))
		if unknown := ok && (e.Code == api.UnknownDeadLetter || e.Code == api.UnknownKey); !unknown && name != "pause" && name != "resume" {
			t.Errorf("%s: %v", name, e)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"pause":   func() error { _, err := r.Pause(t.Context(), "one", to); return err },
		"resume":  func() error { _, err := r.Resume(t.Context(), "one", to); return err },
		"redrive": func() error { _, err := r.Redrive(t.Context(), "one", "d", to); return err },
	} {
		if e, ok := errors.AsType[*api.Error](do()); !ok || e.Code != api.NotRunning || !strings.Contains(e.Message, "stopped") {
			t.Errorf("%s of a bridge that has ended: %v", name, e)
		}
	}
}

// unwilling is a store that stores no audit while it is told so.
type unwilling struct {
	store.Store
	refuse atomic.Bool
}

func (s *unwilling) Commit(ctx context.Context, changes ...store.Change) []error {
	errs := make([]error, len(changes))
	for i := range changes {
		if len(changes[i].Audit) > 0 && s.refuse.Load() {
			errs[i] = store.ErrFull
			continue
		}
		errs[i] = s.Store.Commit(ctx, changes[i])[0]
	}
	return errs
}

// TestI11_AnOutcomeDoesNotQuoteTheMessageThatStoppedTheRoute: who may resume a route
// need not see what is in its messages.
func TestI11_AnOutcomeDoesNotQuoteTheMessageThatStoppedTheRoute(t *testing.T) {
	d := opened(t, memorystore.New(), plain, "one", "    dead_letter: { then: stop }\n")
	d.out.Fail("one", func(m *message.Message) error {
		return policies.As(policies.Permanent, fmt.Errorf("refused: CANARY %s", m.Payload))
	})
	d.in.Put("one", event("a", 1))
	d.says(t, status.Paused, "dead_letter: ", "CANARY")
	look := api.Change{By: "me", Reason: "to see", DryRun: true}
	for name, do := range map[string]func() (string, error){
		"pause":  func() (string, error) { out, err := d.Pause(t.Context(), "one", look); return out.Says, err },
		"resume": func() (string, error) { out, err := d.Resume(t.Context(), "one", look); return out.Says, err },
	} {
		if says, err := do(); err != nil || strings.Contains(says, "CANARY") || !strings.Contains(says, "dead_letter") {
			t.Errorf("%s says %q: %v", name, says, err)
		}
	}
}

// TestI11_ARefusalDoesNotQuoteTheMessage: it has the reason; the dead letter's error,
// which is masked for who may not see all of it, has the rest.
func TestI11_ARefusalDoesNotQuoteTheMessage(t *testing.T) {
	d := opened(t, memorystore.New(), plain, "one", "")
	m := event("a", 1)
	m.Metadata["revision"] = "CANARY"
	d.in.Put("one", m)
	await(t, "the dead letter", func() bool { return d.Status(t.Context())[0].Counts.Dead == 1 })
	for _, dead := range deadLetters(t, d.Store()) {
		_, err := d.Redrive(t.Context(), "one", dead.ID, change("in vain"))
		if err == nil || strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), "revision_invalid") || !strings.Contains(dead.Error, "CANARY") {
			t.Errorf("%v of %s", err, dead.Error)
		}
		plan, err := d.PlanOperation(t.Context(), "one", api.Request{Action: "redrive", By: "me", Reason: "to see", DryRun: true})
		if err != nil || plan.Refused != 1 || strings.Contains(plan.Says+plan.Refusal, "CANARY") || !strings.Contains(plan.Refusal, "revision_invalid") {
			t.Errorf("%+v %v", plan, err)
		}
	}
}
