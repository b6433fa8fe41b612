package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/demo/internal/check"
	"github.com/brokerbridge/bridge/bridge/demo/internal/stream"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Report is what was done to the messages, and what was found afterwards.
type Report struct {
	Took, Sending time.Duration

	// What was done to them.
	Events, Keys int
	Sends        int // with copies and strangers
	Early        int // sent before their predecessor
	Farthest     int // places between an event and where it was sent
	Duplicated   int
	Dropped      int   // left out at first and sent later
	Late         int   // of those, sent at the very end
	Redelivered  int64 // when the connection was lost

	// What the consumer found in Kafka. The lists are empty, or something is wrong.
	Records int
	Wrong   check.Faults

	// Where the events are, by what was found in Kafka and in the store.
	Places check.Places

	// What the bridge says of itself.
	Counts      status.Counts
	DeadLetters []DeadLetter
	Blocked     []Blocked // keys that wait for an operator
	Healed      []Healed
	MostGaps    int64
	MostParked  int64

	// Faults is all that is not as promised, in words. Empty: the check passed.
	Faults []string
}

// OK reports whether everything was as promised.
func (r Report) OK() bool { return len(r.Faults) == 0 }

// DeadLetter is a message that was given up.
type DeadLetter struct {
	Key      string
	Revision int64
	Reason   string
	Error    string
	Blocks   bool // it stands at its place in the order
}

// Blocked is a key that waits for an operator.
type Blocked struct {
	Key      string
	Revision int64 // the one it waits for
	Mode     string
	Parked   int
}

// Healed is a key that was quarantined because of a gap, and went on by itself
// when the missing revision came.
type Healed struct {
	Key      string
	Revision int64
	Parked   int // meanwhile
}

// report looks at Kafka and the store, after the bridge has stopped.
func (st *stage) report(ctx context.Context, s *stream.Stream, p played) (Report, error) {
	reader, err := check.Topic(ctx, st.cluster.ListenAddrs(), topicName)
	if err != nil {
		return Report{}, err
	}
	r := Report{
		Took: p.took, Sending: p.sending,
		Events: s.Events, Keys: len(s.Last), Sends: len(s.Sends), Early: s.Early, Farthest: s.Farthest,
		Duplicated: s.Duplicated, Dropped: s.Dropped, Late: len(s.Cast.Late),
		Records: reader.Records, Wrong: reader.Faults,
		Counts: st.bridge.Status(ctx)[0].Counts,
		Healed: p.seen.healed, MostGaps: p.seen.mostGaps, MostParked: p.seen.mostParked,
	}
	r.Redelivered = r.Counts.Received - int64(r.Sends)
	kept, err := r.readStore(ctx, st.bridge.Store())
	if err != nil {
		return Report{}, fmt.Errorf("read the store: %w", err)
	}
	r.Places = check.Find(s, reader, kept)
	r.judge(s, p)
	return r, nil
}

// readStore notes what the store holds.
func (r *Report) readStore(ctx context.Context, s store.Store) (check.Kept, error) {
	kept := check.Kept{Parked: map[stream.Place]bool{}, Dead: map[stream.Place]bool{}}
	for d, err := range s.DeadLetters(ctx, store.Query{Route: routeName}) {
		if err != nil {
			return kept, err
		}
		if d.Lane {
			kept.Dead[stream.Place{Key: d.Key, Rev: int64(d.Rev)}] = true
		}
		r.DeadLetters = append(r.DeadLetters, DeadLetter{d.Key, int64(d.Rev), d.Reason, d.Error, d.Lane})
	}
	slices.SortFunc(r.DeadLetters, func(a, b DeadLetter) int { return strings.Compare(a.Reason, b.Reason) })
	lanes, err := blocked(ctx, s)
	if err != nil {
		return kept, err
	}
	for _, l := range lanes {
		if l.State.Mode != lane.Flowing {
			r.Blocked = append(r.Blocked, Blocked{l.Key.Name, int64(l.State.Next), l.State.Mode.String(), l.State.Parked})
		}
		parked, err := s.Parked(ctx, l.Key, 0, 0)
		if err != nil {
			return kept, err
		}
		for _, m := range parked {
			kept.Parked[stream.Place{Key: l.Key.Name, Rev: int64(m.Rev)}] = true
		}
	}
	return kept, nil
}

// judge compares what was found with what was promised.
func (r *Report) judge(s *stream.Stream, p played) {
	switch {
	case p.paused != "":
		r.fault("the route paused: " + p.paused)
	case !p.rested:
		r.fault(fmt.Sprintf("%v after the last message the bridge had not come to rest", tooLong))
	}
	for _, list := range [][]string{
		r.Wrong.Swapped, r.Wrong.Holes, r.Wrong.Repeated, r.Wrong.Altered, r.Wrong.Astray,
		r.Places.Lost, r.Places.Twice, r.Places.Unsent,
	} {
		r.fault(list...)
	}
	if n := r.Counts.Unaccounted; n != 0 {
		r.fault(fmt.Sprintf("%d messages are unaccounted for", n))
	}
	r.expect("dead letters", r.dead(), map[string]string{
		"too_large": s.Cast.Refused.Key, "revision_conflict": s.Cast.Conflict.Key,
		"revision_missing": s.Cast.Unnumbered, "revision_implausible": s.Cast.Corrupt,
	})
	r.expect("keys that wait for an operator", r.blocked(), map[string]string{
		lane.Quarantined.String(): s.Cast.Refused.Key, lane.GapBlocked.String(): s.Cast.Never.Key,
	})
}

func (r *Report) fault(what ...string) { r.Faults = append(r.Faults, what...) }

// expect compares what should be the same.
func (r *Report) expect(what string, got, want map[string]string) {
	if !maps.Equal(got, want) {
		r.fault(fmt.Sprintf("the %s are %v and should be %v", what, got, want))
	}
}

func (r *Report) dead() map[string]string {
	by := map[string]string{}
	for _, d := range r.DeadLetters {
		by[d.Reason] += d.Key // two of a reason do not pass for one
	}
	return by
}

func (r *Report) blocked() map[string]string {
	by := map[string]string{}
	for _, b := range r.Blocked {
		by[b.Mode] += b.Key
	}
	return by
}
