// Package alarm tells people when a route of a bridge needs them: what its store
// holds is compared with the limits of the topology file every few seconds. An
// alarm is said in the log and to webhooks, when it begins and when it is over. It
// stops nothing and deletes nothing.
package alarm

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
)

const (
	every = 5 * time.Second
	// calm is how long a limit must not be reached until its alarm is over: what
	// goes up and down at a limit is one alarm.
	calm = 30 * time.Second
)

// Config is what a [Watch] watches over.
type Config struct {
	Route  string
	Owner  string
	Source string // of what webhooks are told, as events.Source makes it
	Limits config.Alarms
	Store  store.Store
	// Events says that somebody sends the route's events.
	Events bool
	// Quarantined is how many keys wait for a person.
	Quarantined func(context.Context) int64
	Hooks       []*Hook
	Log         *slog.Logger
}

// Watch watches over a route.
type Watch struct {
	Config
	parked parked // belongs to Run

	mu     sync.Mutex
	on     map[string]*alarm
	oldest *status.Oldest
}

// alarm is one that is on.
type alarm struct {
	status.Alarm
	calm time.Time // since when its limit is not reached any more; zero: it is
}

// New returns a watch that has not begun.
func New(c Config) *Watch { return &Watch{Config: c, on: map[string]*alarm{}} }

// Run watches until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look(ctx)
		}
	}
}

// Now returns the alarms that are on, and since when what waits does; nil where
// that is not known yet.
func (w *Watch) Now() ([]status.Alarm, *status.Oldest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []status.Alarm
	for _, reason := range status.AlarmReasons {
		if a := w.on[reason]; a != nil {
			all = append(all, a.Alarm)
		}
	}
	return all, w.oldest
}

// look compares everything once. A store that does not answer has its own way to
// say so.
func (w *Watch) look(ctx context.Context) {
	f, err := w.facts(ctx)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.oldest = &f.Oldest
	w.mu.Unlock()
	for _, l := range w.limits(&f) {
		w.judge(l, f.now)
	}
}

// limit is one of the file, beside what it limits.
type limit struct {
	reason string
	passed bool
	says   string
}

// limits are in the order of status.AlarmReasons.
func (w *Watch) limits(f *facts) []limit {
	l := w.Limits
	if l.Off {
		return nil
	}
	if !w.Events {
		l.UnsentEvents = 0
	}
	return []limit{
		count("dead_letters", "dead letters", f.ledger.Dead, l.DeadLetters),
		age("dead_letter_age", "the oldest dead letter", f.now, f.DeadLetter, l.DeadLetterAge),
		count("parked", "messages wait in the store", f.ledger.Parked, l.Parked),
		age("parked_age", "a key with messages in the store waits", f.now, f.Parked, l.ParkedAge),
		count("open_skips", "skipped ranges that nobody has closed", f.ledger.OpenSkips, l.OpenSkips),
		count("quarantined_keys", "keys wait for a person", f.quarantined, l.QuarantinedKeys),
		count("unsent_events", "events were not sent", f.ledger.Unsent, l.UnsentEvents),
	}
}

func count(reason, what string, n, most int64) limit {
	return limit{reason, most > 0 && n >= most, fmt.Sprintf("%d %s, the limit is %d", n, what, most)}
}

func age(reason, what string, now, since time.Time, most time.Duration) limit {
	old := now.Sub(since)
	return limit{
		reason, most > 0 && !since.IsZero() && old >= most,
		fmt.Sprintf("%s: %s, the limit is %s", what, old.Round(time.Second), most),
	}
}

// judge begins an alarm, or ends one.
func (w *Watch) judge(l limit, now time.Time) {
	a, state := w.change(l, now)
	switch state {
	case begun:
		w.Log.Warn("an alarm begins", "alarm", a.Reason, "says", a.Says)
	case resolved:
		w.Log.Info("an alarm is over", "alarm", a.Reason, "says", a.Says, "since", a.Since.UTC().Format(time.RFC3339))
	default:
		return
	}
	w.tell(a, state, now)
}

// change notes how a limit is now, and returns what people are to hear of it: ""
// for nothing.
func (w *Watch) change(l limit, now time.Time) (status.Alarm, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.on[l.reason]
	switch {
	case l.passed && a == nil:
		a = &alarm{Alarm: status.Alarm{Reason: l.reason, Since: now, Says: l.says}}
		w.on[l.reason] = a
		return a.Alarm, begun
	case l.passed:
		a.calm, a.Says = time.Time{}, l.says
	case a != nil && a.calm.IsZero():
		a.calm = now
	case a != nil && now.Sub(a.calm) >= calm:
		delete(w.on, l.reason)
		a.Says = l.says
		return a.Alarm, resolved
	}
	return status.Alarm{}, ""
}

func (w *Watch) tell(a status.Alarm, state string, at time.Time) {
	for _, h := range w.Hooks {
		h.Tell(Notice{
			Route: w.Route, Owner: w.Owner, Source: w.Source, State: state,
			Reason: a.Reason, Since: a.Since, Says: a.Says, At: at,
		})
	}
}
