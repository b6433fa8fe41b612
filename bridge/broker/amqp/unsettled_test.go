package amqp

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// RabbitMQ, as far as acknowledging goes: a tag it does not know kills the
// channel, and so does a range that ends at one.
type rabbit map[uint64]bool

func (r rabbit) ack(t *testing.T, tag uint64, multiple bool) {
	t.Helper()
	if !r[tag] {
		t.Fatalf("unknown delivery tag %d", tag)
	}
	for open := range r {
		if open == tag || multiple && open < tag {
			delete(r, open)
		}
	}
}

func TestSettlesWhatWasTakenAndNothingElse(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var u unsettled
		model, server := map[uint64]bool{}, rabbit{}
		next := uint64(0)
		straggler := seed%3 == 0
		for range 400 {
			for range rng.IntN(30) {
				next += 1 + uint64(rng.IntN(2))*uint64(seed%2) // with and without holes
				u.add(next, 10)
				model[next], server[next] = true, true
			}
			tags := pick(rng, model, straggler)
			upTo, singly := u.settle(tags, nil)
			if upTo != 0 {
				server.ack(t, upTo, true)
			}
			for _, tag := range singly {
				server.ack(t, tag, false)
			}
			for _, tag := range tags {
				delete(model, tag)
			}
			if len(server) != len(model) || u.open != len(model) || u.bytes != int64(10*len(model)) {
				t.Fatalf("seed %d: %d are open, RabbitMQ has %d, want %d", seed, u.open, len(server), len(model))
			}
			for tag := range server {
				if !model[tag] {
					t.Fatalf("seed %d: %d was settled, but not acknowledged", seed, tag)
				}
			}
		}
	}
}

// pick chooses open tags, in any order, with some that are not open.
func pick(rng *rand.Rand, open map[uint64]bool, straggler bool) []uint64 {
	tags := []uint64{1 << 40, 0}
	lowest := uint64(1 << 50)
	for tag := range open {
		lowest = min(lowest, tag)
	}
	for tag := range open {
		if rng.IntN(3) > 0 && !(straggler && tag == lowest) {
			tags = append(tags, tag, tag)
		}
	}
	rng.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
	return tags
}

func TestOneStragglerCostsNoMemory(t *testing.T) {
	var u unsettled
	u.add(1, 1)
	for tag := uint64(2); tag < 1_000_000; tag++ {
		u.add(tag, 1)
		if upTo, singly := u.settle([]uint64{tag}, nil); upTo != 0 || !slices.Equal(singly, []uint64{tag}) {
			t.Fatalf("tag %d above an open one: up to %d, singly %v", tag, upTo, singly)
		}
	}
	if cap(u.entries) > 1000 {
		t.Errorf("%d entries are kept for one open delivery", cap(u.entries))
	}
}

func BenchmarkSettle(b *testing.B) {
	var u unsettled
	tags, singly := make([]uint64, 0, 1000), []uint64(nil)
	next := uint64(0)
	for b.Loop() {
		tags = tags[:0]
		for range 1000 {
			next++
			u.add(next, 1)
			tags = append(tags, next)
		}
		_, singly = u.settle(tags, singly[:0])
	}
}
