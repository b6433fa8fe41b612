// Package stream makes the messages of the demo and treats them as brokers and
// services do on a bad day: out of place, twice, late, and some of them wrong.
//
// It only makes a list; nothing here sends. The same settings make the same
// list.
package stream

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"
)

// The headers in which a message carries its key and revision.
const (
	HeaderKey      = "key"
	HeaderRevision = "revision"
)

// The smallest stream in which every part of the cast has a key of its own and
// room for successors.
const (
	MinKeys     = 10
	MinPerKey   = 20
	dupShare    = 0.03
	dropShare   = 0.01
	mostMoved   = 200 // places
	lateRecords = 3
)

// Settings is the size of a stream.
type Settings struct {
	Messages int // events, each a revision of a key. At least MinPerKey for every key
	Keys     int // At least MinKeys
	Seed     uint64
}

// Check says what is wrong with settings.
func (s Settings) Check() error {
	switch {
	case s.Keys < MinKeys:
		return fmt.Errorf("%d keys: at least %d are needed", s.Keys, MinKeys)
	case s.Messages < s.Keys*MinPerKey:
		return fmt.Errorf("%d messages: %d keys need at least %d", s.Messages, s.Keys, s.Keys*MinPerKey)
	}
	return nil
}

// Place is a revision of a key.
type Place struct {
	Key string
	Rev int64
}

// Stream is what is sent, in that order, and what was done to it.
type Stream struct {
	Sends []*message.Message
	Last  map[string]int64 // the last revision of each key
	Cast  Cast

	Events     int // made; one of them is never sent
	Early      int // sent before their predecessor
	Farthest   int // places between an event and where it was sent, of those only shuffled
	Duplicated int // sent twice
	Dropped    int // left out at first and sent later, the Cast's Late included
}

// Sent reports whether an event was sent at all.
func (s *Stream) Sent(p Place) bool {
	return p.Rev >= 1 && p.Rev <= s.Last[p.Key] && p != s.Cast.Never
}

// New makes a stream.
func New(set Settings) (*Stream, error) {
	if err := set.Check(); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(set.Seed, 0))
	s := &Stream{Last: map[string]int64{}, Events: set.Messages}
	made := s.events(set, rng)
	s.Cast = newCast(set, s.Last, rng)
	d := disorder{stream: s, rng: rng, reach: min(mostMoved, set.Messages/10), end: float64(len(made))}
	for i, p := range made {
		d.send(float64(i), p)
	}
	d.strangers()
	s.line(d.planned)
	return s, nil
}

// events makes every revision of every key once, the keys mixed.
func (s *Stream) events(set Settings, rng *rand.Rand) []Place {
	keys := make([]string, set.Messages)
	for i := range keys {
		keys[i] = KeyName(i % set.Keys)
	}
	rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	made := make([]Place, len(keys))
	for i, k := range keys {
		s.Last[k]++
		made[i] = Place{k, s.Last[k]}
	}
	return made
}

// line puts the planned sends in their order and counts what a reader of the
// queue would see.
func (s *Stream) line(planned []plan) {
	slices.SortStableFunc(planned, func(a, b plan) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	came := map[Place]bool{}
	for _, p := range planned {
		s.Sends = append(s.Sends, p.msg)
		if p.copied || came[p.place] {
			continue
		}
		came[p.place] = true
		if p.place.Rev > 1 && !came[Place{p.place.Key, p.place.Rev - 1}] {
			s.Early++
		}
	}
}
