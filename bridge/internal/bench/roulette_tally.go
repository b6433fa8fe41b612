package main

import (
	"math"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

// tally is what arrives in a game. The good ones are all but the poisoned. Those
// behind one follow a poisoned message of their key: they wait for it, or overtake it.
type tally struct {
	when     load.Schedule
	keys     int
	poisoned []bool
	behind   []bool
	arrived  []time.Time // of each message; zero: not yet
	ahead    int         // good ones that came before a poisoned one of their key
}

// tally of a game; one without poison has good ones only.
func (r *roulette) tally(g *game, keys int) *tally {
	t := &tally{keys: keys, poisoned: make([]bool, r.Sent), behind: make([]bool, r.Sent), arrived: make([]time.Time, r.Sent)}
	for i := range r.Sent {
		if g.poison == nil || !r.isPoisoned(i) {
			continue
		}
		t.poisoned[i] = true
		for next := i + keys; next < r.Sent; next += keys {
			t.behind[next] = true
		}
	}
	return t
}

func (t *tally) note(i int, at time.Time) {
	if !t.arrived[i].IsZero() {
		return
	}
	t.arrived[i] = at
	for before := i - t.keys; !t.poisoned[i] && before >= 0; before -= t.keys {
		if t.poisoned[before] && t.arrived[before].IsZero() {
			t.ahead++
			return
		}
	}
}

// good is how many good ones were there at a moment.
func (t *tally) good(by time.Time) (n int) {
	for i, at := range t.arrived {
		if !t.poisoned[i] && !at.IsZero() && !at.After(by) {
			n++
		}
	}
	return n
}

// free are the good ones that follow no poisoned one: how long each took, in
// milliseconds, the quickest first, and when the last came, in seconds after the
// start. One that never came took for ever.
func (t *tally) free() (took []float64, last float64) {
	for i, at := range t.arrived {
		switch {
		case t.poisoned[i] || t.behind[i]:
		case at.IsZero():
			took, last = append(took, math.Inf(1)), math.Inf(1)
		default:
			took = append(took, float64(at.Sub(t.when.Due(i)).Microseconds())/1000)
			last = max(last, at.Sub(t.when.Start).Seconds())
		}
	}
	slices.Sort(took)
	return took, last
}

// quantile is the value that so many of a hundred do not exceed.
func quantile(sorted []float64, percent float64) float64 {
	return sorted[max(int(math.Ceil(float64(len(sorted))*percent/100)), 1)-1]
}

// finite is 0 for what is for ever, which JSON has no number for.
func finite(v float64) float64 {
	if math.IsInf(v, 1) {
		return 0
	}
	return v
}
