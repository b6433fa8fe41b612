package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

// drawing is how messages get their keys.
type drawing string

const (
	byTurns drawing = ""        // message i has key i mod Keys
	uniform drawing = "uniform" // each key is as likely
	zipf    drawing = "zipf"    // the k-th of them with a probability that falls with k^-zipfS
)

const (
	zipfS = 1.1
	seed  = 7 // of all that is left to chance: each run has the same messages
)

// numbering is which key and revision each message has.
type numbering struct {
	plan
	keys, revisions []int32 // where they are drawn
}

func (p plan) numbering() *numbering {
	n := &numbering{plan: p}
	if p.Draw == byTurns {
		return n
	}
	n.keys, n.revisions = make([]int32, p.Messages), make([]int32, p.Messages)
	last := make([]int32, p.Keys)
	draw := p.draw()
	for i := range n.keys {
		k := draw()
		last[k]++
		n.keys[i], n.revisions[i] = int32(k), last[k]
	}
	return n
}

func (p plan) draw() func() int {
	rng := rand.New(rand.NewPCG(seed, 1))
	if p.Draw == uniform {
		return func() int { return rng.IntN(p.Keys) }
	}
	z := rand.NewZipf(rng, zipfS, 1, uint64(p.Keys-1))
	return func() int { return scattered(int(z.Uint64()), p.Keys) }
}

// scattered is i's place among n in an order that has no neighbours in common
// with theirs. No two have the same place: the factor is prime.
func scattered(i, n int) int { return i * 2654435761 % n }

func (n *numbering) key(i int) int {
	if n.keys != nil {
		return int(n.keys[i])
	}
	return i % n.Keys
}

func (n *numbering) revision(i int) int64 {
	if n.keys != nil {
		return int64(n.Settled) + int64(n.revisions[i])
	}
	return int64(n.Settled) + int64(i/n.Keys) + 1
}

func (n *numbering) message(i int) load.Message {
	return load.Message{Number: i, Key: keyName(n.key(i)), Revision: n.revision(i), Size: n.Size}
}

func keyName(key int) string { return fmt.Sprintf("key-%d", key) }
