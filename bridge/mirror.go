package bridge

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/failpoint"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/policies"
)

const (
	mirrorIdle     = 250 * time.Millisecond // between two looks for new dead letters
	mirrorBatch    = 256                    // dead letters copied at once, at most
	mirrorBytes    = 4 << 20                // about, likewise
	mirrorAttempts = 10                     // until one that fails alone is left out
	mirrorFarewell = 5 * time.Second        // for the marks of what was copied when the route ended
)

// mirror copies the dead letters of a route to a queue or topic. The store has
// them first and keeps them: the mirror follows, in no order, and whatever
// becomes of it, the route goes on. A copy is made at least once: a crash between
// a copy and its mark in the store makes another, with the same id.
type mirror struct {
	follower
	cfg    config.Route
	store  store.Store
	broker broker.Broker

	// What follows belongs to run.
	after string           // the place of the last one looked at in this pass
	done  []store.Mirrored // copied, or left out; not marked yet
	tries map[string]int   // by id, of those that failed alone

	refused int64 // guarded by the follower's mutex
}

// newMirror returns the mirror of a route, nil if it has none.
func newMirror(b *Bridge, r config.Route, log *slog.Logger) *mirror {
	to := r.DeadLetter.To
	if to == nil {
		return nil
	}
	return &mirror{
		follower: newFollower(log.With("mirror", to.Name()), status.End{Broker: to.Broker, Name: to.Name()}),
		cfg:      r, store: b.store, broker: b.brokers[to.Broker], tries: map[string]int{},
	}
}

// start begins to copy and returns what ends that.
func (m *mirror) start(ctx context.Context) (stop func()) {
	if m == nil {
		return func() {}
	}
	return background(ctx, m.run)
}

func (m *mirror) connect() (broker.Target, error) {
	to := *m.cfg.DeadLetter.To
	t, err := m.broker.Target(to, broker.TargetOptions{
		Route: m.cfg.Name, State: m.noteState, Timeout: m.cfg.Retry.Timeout, Key: mirrorKey(to),
		Late: func(*message.Message) bool { return true }, // it is given up now, whenever it was sent
	})
	if err == nil {
		m.name(t.Name())
	}
	return t, err
}

// mirrorKey is the key of copies in Kafka: the one of the order, where the file
// names no other. What a dead letter lacks is no reason not to copy it.
func mirrorKey(to config.To) func(*message.Message) (string, bool, error) {
	if len(to.Key) == 0 {
		return nil
	}
	read := keyOfFields(to.Key)
	return func(m *message.Message) (string, bool, error) {
		key, ok, err := read(m)
		return key, ok && err == nil, nil
	}
}

// run copies until ctx ends.
func (m *mirror) run(ctx context.Context) {
	closed := m.follow(ctx, course{
		what: "mirror", open: m.connect, shut: "the mirror of dead letters cannot be opened", round: m.round,
	})
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), mirrorFarewell)
	defer cancel()
	_ = m.mark(last) // else they are copied again, which is all
	<-closed
}

// round copies some dead letters and says how long to wait for the next round.
func (m *mirror) round(ctx context.Context) time.Duration {
	if err := m.mark(ctx); err != nil {
		return m.trouble(ctx, "the store does not take what was mirrored", err)
	}
	letters, err := m.pending(ctx)
	switch {
	case err != nil:
		return m.trouble(ctx, "the store does not answer", err)
	case len(letters) > 0:
		last := letters[len(letters)-1].Brief()
		m.after = last.Place()
		return m.copy(ctx, letters)
	case m.after == "":
		return mirrorIdle
	}
	m.after = "" // a pass is over; what is left of it failed, and is tried again
	return m.pace.NextBackOff()
}

// pending reads the next dead letters that wait for their copy.
func (m *mirror) pending(ctx context.Context) (letters []store.DeadLetter, err error) {
	l, err := m.store.Ledger(ctx, m.cfg.Name)
	if errors.Is(err, store.ErrNotFound) || err == nil && l.Unmirrored == 0 {
		m.after = ""
		clear(m.tries)
		return nil, nil
	}
	var size int64
	q := store.Query{Route: m.cfg.Name, Unmirrored: true, After: m.after, Limit: mirrorBatch}
	for d, err := range m.store.DeadLetters(ctx, q) {
		if err != nil {
			return nil, err
		}
		letters = append(letters, d)
		if size += d.Size(); size >= mirrorBytes {
			break
		}
	}
	return letters, err
}

// copy publishes dead letters and notes what came of each.
func (m *mirror) copy(ctx context.Context, letters []store.DeadLetter) time.Duration {
	msgs := make([]*message.Message, len(letters))
	for i := range letters {
		msgs[i] = mirrored(m.cfg, &letters[i])
	}
	var away error
	for i, err := range m.write(msgs) {
		d := &letters[i]
		switch class := policies.ClassOf(err); {
		case err == nil:
		case class == policies.Unavailable || class == policies.Interrupted:
			away = err
			continue
		case class == policies.Transient && m.tries[d.ID] < mirrorAttempts-1:
			m.tries[d.ID]++
			m.log.Warn("a dead letter could not be mirrored and is tried again", "id", d.ID, "error", err)
			continue
		default:
			m.refuse(d, err)
		}
		delete(m.tries, d.ID)
		m.done = append(m.done, store.Mirrored{ID: d.ID, At: d.At})
	}
	failpoint.Hit(failpoint.Mirrored)
	if len(m.done) > 0 {
		m.pace.Reset()
	}
	if away != nil && len(m.done) == 0 {
		return m.trouble(ctx, "the mirror of dead letters is unavailable; they wait in the store", away)
	}
	m.goesOn("the mirror of dead letters goes on")
	return 0
}

// refuse leaves out a dead letter that can never be copied.
func (m *mirror) refuse(d *store.DeadLetter, err error) {
	m.mu.Lock()
	m.refused++
	m.mu.Unlock()
	m.log.Warn("a dead letter cannot be mirrored; it stays in the store", "id", d.ID, "error", err)
}

// mark has the store remember what was copied.
func (m *mirror) mark(ctx context.Context) error {
	if len(m.done) == 0 {
		return nil
	}
	change := store.Change{Key: store.Key{Route: m.cfg.Name}, Mirrored: m.done}
	if err := m.store.Commit(ctx, change)[0]; err != nil {
		return err
	}
	m.done = nil
	return nil
}

// status is the mirror as it is now; nil if there is none.
func (m *mirror) status(ctx context.Context) *status.Mirror {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	s := &status.Mirror{End: m.end, Refused: m.refused}
	m.mu.Unlock()
	if l, err := m.store.Ledger(ctx, m.cfg.Name); err == nil {
		s.Pending = l.Unmirrored
	}
	return s
}
