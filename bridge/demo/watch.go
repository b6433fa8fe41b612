package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/demo/internal/screen"
	"github.com/brokerbridge/bridge/bridge/demo/internal/stream"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// seen is what was noticed while the bridge ran and is gone by the end.
type seen struct {
	mostGaps   int64
	mostParked int64
	healed     []Healed
}

// watcher looks at the bridge as an operator does, through its status and its
// store, and tells what changes.
type watcher struct {
	st    *stage
	sends *stream.Stream
	feed  *feed
	view  screen.View
	began time.Time
	seen  seen

	last    status.Counts
	still   int    // glances without a change
	paused  string // why the route waits for somebody
	paces   []mark
	dead    map[string]bool // ids told of
	blocked map[string]store.Record
}

// mark is how many messages had been delivered at a time.
type mark struct {
	at        time.Duration
	delivered int64
}

func newWatcher(st *stage, s *stream.Stream, f *feed, view screen.View) *watcher {
	return &watcher{
		st: st, sends: s, feed: f, view: view, began: time.Now(),
		dead: map[string]bool{}, blocked: map[string]store.Record{},
	}
}

func (w *watcher) elapsed() time.Duration { return time.Since(w.began) }

func (w *watcher) tell(format string, args ...any) {
	w.view.Tell(w.elapsed(), fmt.Sprintf(format, args...))
}

// look takes a glance and shows it.
func (w *watcher) look(ctx context.Context) error {
	r := w.st.bridge.Status(ctx)[0]
	c := r.Counts
	if c.DeadEver > w.last.DeadEver {
		if err := w.noticeDead(ctx); err != nil {
			return err
		}
	}
	if c.Keys[lane.GapBlocked.String()] > 0 || len(w.blocked) > 0 {
		if err := w.noticeBlocked(ctx); err != nil {
			return err
		}
	}
	if r.State == status.Paused {
		w.paused = r.Reason
	}
	w.seen.mostGaps = max(w.seen.mostGaps, c.Keys[lane.Gap.String()])
	w.seen.mostParked = max(w.seen.mostParked, c.Parked)
	w.still++
	if !resting(r) || c.Delivered != w.last.Delivered || c.Parked != w.last.Parked || c.Received != w.last.Received {
		w.still = 0
	}
	w.last = c
	w.view.Show(w.now(r))
	return nil
}

// resting reports whether a route has nothing left to do: what still waits,
// waits for an operator.
func resting(r status.Route) bool {
	c := r.Counts
	return c.InMemory == 0 && r.Sources[0].Lag == 0 &&
		c.Keys[lane.Gap.String()] == 0 && c.Keys[lane.Waiting.String()] == 0
}

func (w *watcher) now(r status.Route) screen.Now {
	c := r.Counts
	n := screen.Now{
		Elapsed: w.elapsed(), Sent: w.feed.sent.Load(), ToSend: int64(len(w.sends.Sends)),
		Delivered: c.Delivered, Duplicates: c.Duplicates, Held: c.InMemory, Parked: c.Parked,
		Gaps:        c.Keys[lane.Gap.String()],
		Quarantined: c.Keys[lane.GapBlocked.String()] + c.Keys[lane.Quarantined.String()],
		Dead:        c.Dead, PerSecond: w.perSecond(c.Delivered),
	}
	if !r.Ready() {
		n.Trouble = strings.TrimSpace(string(r.State) + ": " + r.Reason)
	}
	return n
}

// perSecond is the pace of the last second.
func (w *watcher) perSecond(delivered int64) int64 {
	w.paces = append(w.paces, mark{w.elapsed(), delivered})
	if len(w.paces) > int(time.Second/glance) {
		w.paces = w.paces[1:]
	}
	first, last := w.paces[0], w.paces[len(w.paces)-1]
	if last.at == first.at {
		return 0
	}
	return int64(float64(last.delivered-first.delivered) / (last.at - first.at).Seconds())
}

// noticeDead tells of dead letters that are new.
func (w *watcher) noticeDead(ctx context.Context) error {
	for d, err := range w.st.bridge.Store().DeadLetters(ctx, store.Query{Route: routeName}) {
		if err != nil {
			return err
		}
		if w.dead[d.ID] {
			continue
		}
		w.dead[d.ID] = true
		if d.Lane {
			w.tell("%s revision %d: Kafka refuses it (%s). Dead letter; its successors are parked", d.Key, d.Rev, d.Reason)
		} else {
			w.tell("%s: a message becomes a dead letter: %s", d.Key, d.Reason)
		}
	}
	return nil
}

// noticeBlocked tells of keys that a gap blocks, and of those it no longer does.
func (w *watcher) noticeBlocked(ctx context.Context) error {
	now, err := blocked(ctx, w.st.bridge.Store())
	if err != nil {
		return err
	}
	still := map[string]store.Record{}
	for _, r := range now {
		if r.State.Mode != lane.GapBlocked {
			continue
		}
		still[r.Key.Name] = r
		if _, known := w.blocked[r.Key.Name]; !known {
			w.tell("%s revision %d is missing for too long: quarantined, its successors are parked", r.Key.Name, r.State.Next)
		}
	}
	for name, was := range w.blocked {
		if _, there := still[name]; !there {
			w.seen.healed = append(w.seen.healed, Healed{Key: name, Revision: int64(was.State.Next), Parked: was.State.Parked})
			w.tell("%s revision %d came after all: its %d parked successors follow", name, was.State.Next, was.State.Parked)
		}
	}
	w.blocked = still
	return nil
}

// blocked are the keys that do not flow, or have something parked.
func blocked(ctx context.Context, s store.Store) (all []store.Record, err error) {
	for r, err := range s.Lanes(ctx, store.Query{Route: routeName, Blocked: true}) {
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b store.Record) int { return strings.Compare(a.Key.Name, b.Key.Name) })
	return all, nil
}
