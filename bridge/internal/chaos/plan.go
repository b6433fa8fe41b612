package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// fault is one entry of the schedule.
type fault struct {
	n      int // from 1
	kind   *kind
	start  time.Duration // after the act began; later where the thing it hits is not back yet
	length time.Duration
	draw   uint64 // for what the kind leaves to chance: how many frames, which of several places
}

func (f fault) String() string {
	return fmt.Sprintf("#%d %s at +%.1fs for %.1fs", f.n, f.kind.name, f.start.Seconds(), f.length.Seconds())
}

// act is some faults that may overlap, and a calm after them in which all routes
// have to move again.
type act []fault

// schedule yields acts. The same seed yields the same ones, whatever the machine
// and however the bridge does: nothing in it depends on what happens.
type schedule struct {
	rng   *rand.Rand
	kinds []*kind
	deck  []*kind
	n     int
}

func newSchedule(seed uint64, kinds []*kind) *schedule {
	return &schedule{rng: rand.New(rand.NewPCG(seed, 9)), kinds: kinds}
}

// Acts have one fault, or several of which each begins this long after the one
// before, at most.
const (
	alone   = 0.2 // share of the acts that have one
	most    = 12  // in one act
	spacing = 1500 * time.Millisecond
)

// next is the next act, of so many faults at most.
func (s *schedule) next(limit int) act {
	n := 1
	if s.rng.Float64() >= alone {
		n = 2 + s.rng.IntN(most-1)
	}
	a := make(act, 0, min(n, limit))
	at := time.Duration(0)
	for range cap(a) {
		s.n++
		k := s.draw()
		span := k.most - k.least
		a = append(a, fault{
			n: s.n, kind: k, start: at, draw: s.rng.Uint64(),
			length: (k.least + time.Duration(s.rng.Int64N(int64(span)+1))).Round(100 * time.Millisecond),
		})
		at += time.Duration(s.rng.Int64N(int64(spacing))).Round(100 * time.Millisecond)
	}
	return a
}

// draw takes a kind off a shuffled deck that has each so often as it weighs: in the
// long run each comes about, and none is forgotten.
func (s *schedule) draw() *kind {
	if len(s.deck) == 0 {
		for _, k := range s.kinds {
			for range k.weight {
				s.deck = append(s.deck, k)
			}
		}
		s.rng.Shuffle(len(s.deck), func(i, j int) { s.deck[i], s.deck[j] = s.deck[j], s.deck[i] })
	}
	k := s.deck[len(s.deck)-1]
	s.deck = s.deck[:len(s.deck)-1]
	return k
}

// lanes are the faults of an act by what they hit, each in its order.
func (a act) lanes() map[string][]fault {
	by := map[string][]fault{}
	for _, f := range a {
		by[f.kind.hits] = append(by[f.kind.hits], f)
	}
	return by
}

// only keeps the kinds whose names contain one of the words.
func only(kinds []*kind, words string) []*kind {
	if words == "" {
		return kinds
	}
	return slices.DeleteFunc(slices.Clone(kinds), func(k *kind) bool {
		return !slices.ContainsFunc(strings.Split(words, ","), func(w string) bool { return strings.Contains(k.name, w) })
	})
}
