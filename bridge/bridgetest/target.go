package bridgetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Rules are what a [Target] holds a service to. The zero value: all that was sent
// is delivered, once.
type Rules struct {
	// Duplicates is how many deliveries of a key, its copies counted together, may
	// be repetitions. Where a test restarts its service, ordering.Config.MaxAhead
	// (64) per restart. Default 0.
	Duplicates int
	// Store and Route are those of ordering.Config. With them a message may also be
	// parked, skipped or a dead letter. Nil: it has to be delivered.
	Store store.Store
	Route string
	// Publisher gets what is published to the Target; what it refuses was not
	// delivered, and its error is returned as it is. Nil: nobody.
	Publisher message.Publisher
	// Identify reads key and revision of what comes. Nil: that of the Source.
	Identify func(*message.Message) (ordering.ID, error)
}

// Target is where the messages of a [Source] shall arrive. A service either
// publishes to it, or has its handler wrapped. Its methods may be called from
// several goroutines.
type Target struct {
	line  *line
	rules Rules

	mu      sync.Mutex
	got     map[store.Key][]lane.Revision
	strange []string // what has no key or revision
	excused map[ordering.ID]bool
}

// NewTarget returns a Target for what a Source, or one made of it by
// [Source.Restart], hands out.
func NewTarget(s *Source, rules Rules) *Target {
	if rules.Identify == nil {
		rules.Identify = s.line.opts.Identify
	}
	return &Target{line: s.line, rules: rules, got: map[store.Key][]lane.Revision{}, excused: map[ordering.ID]bool{}}
}

// Publish records messages as delivered, of any topic, unless Rules.Publisher
// refuses them.
func (t *Target) Publish(topic string, msgs ...*message.Message) error {
	notes := make([]func(), len(msgs))
	for i, m := range msgs {
		notes[i] = t.read(m)
	}
	if p := t.rules.Publisher; p != nil {
		if err := p.Publish(topic, msgs...); err != nil {
			return err
		}
	}
	for _, note := range notes {
		note()
	}
	return nil
}

// Close closes Rules.Publisher and returns its error.
func (t *Target) Close() error {
	if t.rules.Publisher == nil {
		return nil
	}
	return t.rules.Publisher.Close()
}

// Handler returns a handler that calls h, and records a message as delivered when
// h returns nil. It belongs innermost, behind all middlewares. A nil h takes all.
func (t *Target) Handler(h message.NoPublishHandlerFunc) message.NoPublishHandlerFunc {
	return func(m *message.Message) error {
		note := t.read(m)
		if h != nil {
			if err := h(m); err != nil {
				return err
			}
		}
		note()
		return nil
	}
}

// read reads a message before others may change it, and returns what records it.
func (t *Target) read(m *message.Message) (note func()) {
	id, err := t.rules.Identify(m)
	if err != nil {
		text := fmt.Sprintf("message %q was delivered, of which key or revision cannot be read: %v", m.UUID, err)
		return func() { t.locked(func() { t.strange = append(t.strange, text) }) }
	}
	k := t.lane(id)
	return func() { t.locked(func() { t.got[k] = append(t.got[k], id.Revision) }) }
}

func (t *Target) locked(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// lane is the lane of a message, as the store knows it.
func (t *Target) lane(id ordering.ID) store.Key {
	return store.Key{Route: t.rules.Route, Name: id.Key, Epoch: id.Epoch}
}

// Revisions are what was delivered of a key in epoch 0, in order, repetitions
// included.
func (t *Target) Revisions(key string) []lane.Revision {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.got[store.Key{Route: t.rules.Route, Name: key}])
}

// Excuse says which revisions of a key, in epoch 0, need not arrive: what a test
// has discarded, or what a service drops by itself.
func (t *Target) Excuse(key string, revisions ...lane.Revision) {
	t.locked(func() {
		for _, r := range revisions {
			t.excused[ordering.ID{Key: key, Revision: r}] = true
		}
	})
}

// Await waits until nothing is missing: each message that was sent is delivered
// or, with a store in the [Rules], is a dead letter, skipped, or parked for good;
// what is being redriven is waited for. The error names what is missing and wraps
// why ctx ended, or is that of the store.
func (t *Target) Await(ctx context.Context) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		v, err := t.look(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		missing := v.missing()
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", t.failure(missing), context.Cause(ctx))
		}
	}
}

// Verify returns what is wrong with what was delivered, or nil: an error that
// names the seed and, for the first ten faults, key, revision and what was
// delivered around it. Call it when the service is at rest: after [Target.Await].
func (t *Target) Verify(ctx context.Context) error {
	v, err := t.look(ctx)
	if err != nil {
		return err
	}
	if faults := v.faults(t.rules.Duplicates); len(faults) > 0 {
		return t.failure(faults)
	}
	return nil
}

// Check fails a test with what [Target.Verify] finds. The test goes on.
func (t *Target) Check(tb testing.TB) {
	tb.Helper()
	if err := t.Verify(context.WithoutCancel(tb.Context())); err != nil {
		tb.Error(err)
	}
}

// look reads the store, then what was delivered: what moves between the two is
// waited for.
func (t *Target) look(ctx context.Context) (*view, error) {
	fates := t.line.fates()
	kept, err := t.kept(ctx, fates)
	if err != nil {
		return nil, fmt.Errorf("bridgetest: seed %d: read the store: %w", t.line.opts.Seed, err)
	}
	v := &view{fates: fates, kept: kept, got: map[store.Key][]lane.Revision{}}
	t.locked(func() {
		for k, revisions := range t.got {
			v.got[k] = slices.Clone(revisions)
		}
		v.strange = slices.Clone(t.strange)
		maps.Copy(v.kept.gone, t.excused)
	})
	v.plan(t.lane)
	return v, nil
}

// failure is faults as an error, the first ten in full.
func (t *Target) failure(faults []string) error {
	const most = 10
	n := len(faults)
	if n > most {
		faults = append(faults[:most:most], fmt.Sprintf("and %d more", n-most))
	}
	return fmt.Errorf("bridgetest: seed %d, faults: %d\n\t%s", t.line.opts.Seed, n, strings.Join(faults, "\n\t"))
}

var _ message.Publisher = (*Target)(nil)
