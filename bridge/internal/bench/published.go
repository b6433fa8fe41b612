package main

import (
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// repeatedWithin is how many places behind a message its copy may be.
const repeatedWithin = 200

// published are the messages in the order of their publishing: that of their
// numbers, but for displaced ones and copies.
func (p plan) published() iter.Seq[int] {
	if p.Displaced == 0 && p.Repeated == 0 {
		return func(yield func(int) bool) {
			for i := range p.Messages {
				if !yield(i) {
					return
				}
			}
		}
	}
	places := p.places()
	return func(yield func(int) bool) {
		for _, at := range places {
			if !yield(int(uint32(at))) {
				return
			}
		}
	}
}

// places has the number of each message and copy in its lower half. Who moves up
// to d places back is overtaken by no more than d, so nobody is displaced further
// in either direction.
func (p plan) places() []uint64 {
	rng := rand.New(rand.NewPCG(seed, 2))
	places := make([]uint64, 0, p.Messages+int(float64(p.Messages)*p.Repeated*2))
	for i := range p.Messages {
		at := i + rng.IntN(p.Displaced+1)
		places = append(places, uint64(at)<<32|uint64(i))
		if rng.Float64() < p.Repeated {
			at += 1 + rng.IntN(repeatedWithin)
			places = append(places, uint64(at)<<32|uint64(i))
		}
	}
	slices.Sort(places)
	return places
}

// disorder is what a check would say of the source.
func (p plan) disorder() (m measure) {
	seen := newSeen(p)
	for i := range p.published() {
		seen.note(i, time.Time{}, &m)
	}
	return m
}
