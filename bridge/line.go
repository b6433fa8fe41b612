package bridge

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/failpoint"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/policies"
)

// What a line sends.
const (
	lineEvents  = "events"
	lineReplies = "replies"
)

// letter is what is sent of an event.
type letter struct {
	*message.Message
	to  string // the name that the sender asked for; "": the target's own
	seq uint64 // of the event
}

// line sends the events of a route to one target, per key in their order.
type line struct {
	follower
	what string
	// compose makes what is sent of an event; nil where it is not for this line.
	compose func(*store.Event) (*letter, error)
	dial    func(broker.TargetOptions) (broker.Target, error)
	// lost reports whether the outcome of a message will always be this. Nil: only
	// what is refused for itself.
	lost func(error) bool

	box    *outbox
	passed atomic.Uint64 // up to here all is sent, or is not to be

	// What follows belongs to run.
	done  map[uint64]bool // sent, behind one that is not
	tries map[uint64]int  // of those that failed alone

	dropped int64 // guarded by the follower's mutex
}

func newLine(o *outbox, to status.End, l *line) *line {
	l.box = o
	l.follower = newFollower(o.log.With(l.what, to.Name), to)
	l.done, l.tries = map[uint64]bool{}, map[uint64]int{}
	return l
}

// run sends until ctx ends.
func (l *line) run(ctx context.Context) {
	<-l.follow(ctx, course{what: l.what, open: l.connect, shut: "events or replies cannot be sent", round: l.round})
}

func (l *line) connect() (broker.Target, error) {
	t, err := l.dial(broker.TargetOptions{
		Route: l.box.route, State: l.noteState, Key: keyOfEvent,
		Late: func(*message.Message) bool { return true }, // it is told now
	})
	if err == nil && l.what == lineEvents {
		l.name(t.Name())
	}
	return t, err
}

type eventKey struct{}

// keyOfEvent is the key of the Kafka record: that of the message which the event
// is about.
func keyOfEvent(m *message.Message) (string, bool, error) {
	key, _ := m.Context().Value(eventKey{}).(string)
	return key, key != "", nil
}

// round sends some events and says how long to wait for the next round.
func (l *line) round(ctx context.Context) time.Duration {
	if err := l.box.mark(ctx); err != nil {
		return l.trouble(ctx, "events or replies were sent, but the store does not note that", err)
	}
	evs, err := l.pending(ctx)
	if err != nil {
		return l.trouble(ctx, "events or replies are not told by the store", err)
	}
	if len(evs) == 0 {
		return outboxIdle
	}
	evs, letters := l.letters(evs)
	away := l.send(letters)
	for _, ev := range evs {
		if !l.done[ev.Seq] {
			break
		}
		delete(l.done, ev.Seq)
		l.passed.Store(ev.Seq)
	}
	failpoint.Hit(failpoint.Mirrored)
	if away != nil {
		return l.trouble(ctx, "events or replies cannot be sent; they wait in the store", away)
	}
	l.pace.Reset()
	l.goesOn("events or replies are sent again")
	return 0
}

// pending reads the next events.
func (l *line) pending(ctx context.Context) ([]store.Event, error) {
	ledger, err := l.box.store.Ledger(ctx, l.box.route)
	if errors.Is(err, store.ErrNotFound) || err == nil && ledger.Unsent == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return l.box.store.Events(ctx, l.box.route, l.passed.Load(), outboxBatch)
}

// letters makes what is sent together: no two of one key, because the second must
// not be there without the first. It returns the events that it has looked at.
func (l *line) letters(evs []store.Event) (seen []store.Event, letters []*letter) {
	keys := map[string]bool{}
	for i := range evs {
		ev := &evs[i]
		key := ev.Key
		if key == "" && ev.Type != eventBreaker { // it is about a message without a place in any order
			key = "\x00" + strconv.FormatUint(ev.Seq, 10)
		}
		if keys[key] {
			return evs[:i], letters
		}
		keys[key] = true
		if l.done[ev.Seq] {
			continue
		}
		out, err := l.compose(ev)
		switch {
		case err != nil:
			l.drop(ev.Seq, err)
		case out == nil:
			l.done[ev.Seq] = true
		default:
			out.SetContext(context.WithValue(context.Background(), eventKey{}, ev.Key))
			out.seq = ev.Seq
			letters = append(letters, out)
		}
	}
	return evs, letters
}

// send publishes letters and notes what came of each. Its error is why the target
// takes none.
func (l *line) send(letters []*letter) (away error) {
	var seqs []uint64
	var msgs []*message.Message
	for _, out := range letters {
		if out.to != "" {
			if away == nil { // else each would wait for itself
				l.outcome(out.seq, l.publish(out), &away)
			}
			continue
		}
		seqs, msgs = append(seqs, out.seq), append(msgs, out.Message)
	}
	if len(msgs) > 0 {
		for i, err := range l.write(msgs) {
			l.outcome(seqs[i], err, &away)
		}
	}
	return away
}

// publish sends one to the place that it names.
func (l *line) publish(out *letter) error {
	one := policies.Recover{}.Batch(func(msgs []*message.Message) []error {
		return []error{l.target.Publish(out.to, msgs...)}
	})
	return one([]*message.Message{out.Message})[0]
}

// outcome notes what came of one.
func (l *line) outcome(seq uint64, err error, away *error) {
	class := policies.ClassOf(err)
	switch {
	case err == nil:
		l.done[seq] = true
		delete(l.tries, seq)
	case l.lost != nil && l.lost(err):
		l.drop(seq, err)
	case class == policies.Permanent, class == policies.Transient && l.tries[seq] >= outboxAttempts-1:
		l.drop(seq, err)
	case class == policies.Transient:
		l.tries[seq]++
		*away = err
	default:
		*away = err
	}
}

// drop leaves one out that can never be sent.
func (l *line) drop(seq uint64, err error) {
	l.mu.Lock()
	l.dropped++
	l.mu.Unlock()
	l.done[seq] = true
	delete(l.tries, seq)
	l.log.Warn("an event or reply cannot be sent and is left out", "id", l.box.route+"/"+strconv.FormatUint(seq, 10), "error", err)
}
