package main

import (
	"context"
	"time"
)

// measure is one run of one contender.
type measure struct {
	Rate       float64 `json:"rate"`                 // messages per second, at the target
	CPU        float64 `json:"cpu,omitzero"`         // seconds per million messages; 0: not known
	Start      float64 `json:"start_cpu,omitzero"`   // seconds of it before the first message
	Brokers    float64 `json:"brokers_cpu,omitzero"` // the same, of the direction's brokers
	RSS        float64 `json:"rss_mib,omitzero"`     // at its peak; 0: not known
	Seconds    float64 `json:"seconds"`              // over which the rate was measured
	Missing    int     `json:"missing"`              // messages that are not at the target
	Duplicates int     `json:"duplicates"`           // beside the first of each
	Breaks     int     `json:"order_breaks"`         // messages after one of a higher revision of their key
	Left       int     `json:"left_in_source"`       // messages that were not acknowledged

	Late   int     `json:"late_in_source,omitzero"` // messages that the source has behind one of a higher revision
	Parked int     `json:"parked,omitzero"`         // messages that waited in the store
	Ready  float64 `json:"ready,omitzero"`          // seconds from its start until it said that it is; 0: not known
}

// check reads the target to its end: what is there, in which order, and when it
// came, by the target's own times if it has some.
func (m *measure) check(ctx context.Context, p plan, target end, watched looks) error {
	seen := newSeen(p)
	if err := target.read(ctx, func(i int, at time.Time) { seen.note(i, at, m) }); err != nil {
		return err
	}
	m.Missing = seen.missing
	if p.Displaced > 0 {
		m.Late = p.disorder().Breaks
	}
	if took := seen.last.Sub(seen.first); took > 0 {
		m.Seconds, m.Rate = took.Seconds(), float64(p.Messages)/took.Seconds()
		return nil
	}
	rate, took, err := watched.rate()
	m.Seconds, m.Rate = took.Seconds(), rate
	return err
}

// seen is what a target has had so far. A key's numbers rise with its revisions.
type seen struct {
	*numbering
	had         []bool
	next        []int32 // per key, the number that follows the highest
	missing     int
	first, last time.Time
}

func newSeen(p plan) *seen {
	return &seen{numbering: p.numbering(), had: make([]bool, p.Messages), next: make([]int32, p.Keys), missing: p.Messages}
}

func (s *seen) note(i int, at time.Time, m *measure) {
	if s.first.IsZero() || at.Before(s.first) {
		s.first = at
	}
	if at.After(s.last) {
		s.last = at
	}
	if s.had[i] {
		m.Duplicates++
		return
	}
	s.had[i] = true
	s.missing--
	next := &s.next[s.key(i)]
	if int32(i) < *next {
		m.Breaks++
	}
	*next = max(*next, int32(i)+1)
}
