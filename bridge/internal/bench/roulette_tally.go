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
	when    load.Schedule
	behind  []bool
	arrived []time.Time // of each message; zero: not yet
	ahead   int         // good ones that came before the poisoned one of their key
}

// newTally knows which messages are poisoned; none are if it is not asked for.
func newTally(keys int, poison bool) *tally {
	t := &tally{behind: make([]bool, inGame), arrived: make([]time.Time, inGame)}
	for i := range inGame {
		for next := i + keys; poison && isPoisoned(i) && next < inGame; next += keys {
			t.behind[next] = true
		}
	}
	return t
}

func (t *tally) note(i, keys int, at time.Time) {
	if !t.arrived[i].IsZero() {
		return
	}
	t.arrived[i] = at
	for before := i - keys; t.behind[i] && before >= 0; before -= keys {
		if isPoisoned(before) && t.arrived[before].IsZero() {
			t.ahead++
		}
	}
}

// waiting is how many good ones follow a poisoned one.
func (t *tally) waiting() (n int) {
	for _, behind := range t.behind {
		if behind {
			n++
		}
	}
	return n
}

// good is how many good ones are there at a moment.
func (t *tally) good(poison bool, by time.Time) (n int) {
	for i, at := range t.arrived {
		if !(poison && isPoisoned(i)) && !at.IsZero() && !at.After(by) {
			n++
		}
	}
	return n
}

// latencies are those of the good ones that follow no poisoned one, in
// milliseconds, in their order; infinite where they never came.
func (t *tally) latencies(poison bool) (all []float64) {
	for i, at := range t.arrived {
		switch {
		case t.behind[i] || poison && isPoisoned(i):
		case at.IsZero():
			all = append(all, math.Inf(1))
		default:
			all = append(all, float64(at.Sub(t.when.Due(i)).Microseconds())/1000)
		}
	}
	slices.Sort(all)
	return all
}

// quantile is the value that so many of a hundred do not exceed; 0: never.
func quantile(sorted []float64, percent float64) float64 {
	at := int(math.Ceil(float64(len(sorted))*percent/100)) - 1
	if v := sorted[max(at, 0)]; !math.IsInf(v, 1) {
		return v
	}
	return 0
}
