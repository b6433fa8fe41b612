package lane

import (
	"math/rand/v2"
	"testing"
	"time"
)

// arrivals is a lane whose revisions are the order of arrival, and what is stored
// of it.
type arrivals struct {
	*Lane
	at     time.Time
	last   Revision // that came
	parked map[Revision]bool
	out    []Effect
	taken  bool // the head was stored while it was delivered
}

func (a *arrivals) step(ev Event) {
	ev.At = a.at
	head := a.phase == flying && a.from == fromSource && ev.Kind != Overdue
	defer func() { a.taken = a.taken || head && a.phase == flying && a.parked[a.Next] }()
	a.out = a.Step(a.out[:0], ev)
	for i := 0; i < len(a.out); i++ {
		switch ef := a.out[i]; ef.Verb {
		case Park:
			a.parked[ef.Rev] = true
		case Settle, GiveUp:
			delete(a.parked, ef.Rev)
		case Fetch, Retake:
			a.out = a.Step(a.out, Event{Kind: Fetched, Rev: ef.Rev, Print: Print(ef.Rev) + 1, To: a.above(ef.Rev), At: a.at})
		default:
		}
	}
}

// above is the lowest revision parked above r.
func (a *arrivals) above(r Revision) (to Revision) {
	for p := range a.parked {
		if p > r && (to == 0 || p < to) {
			to = p
		}
	}
	return to
}

// hole is a revision that is nowhere durable though a later one is parked; 0: none.
func (a *arrivals) hole() Revision {
	for p := range a.parked {
		for r := a.Next; r < p; r++ {
			if !a.parked[r] && (a.Mode != Quarantined || r != a.Next) {
				return r
			}
		}
	}
	return 0
}

func (a *arrivals) act(rng *rand.Rand) {
	a.at = a.at.Add(time.Duration(rng.IntN(100)) * time.Millisecond)
	switch n := rng.IntN(12); n {
	case 0, 1, 2, 3:
		a.last++
		a.step(Event{Kind: Arrive, Rev: a.last, Print: Print(a.last) + 1, Fast: rng.IntN(2) == 0})
	case 4, 5:
		a.step(Event{Kind: Confirmed, Rev: a.Next})
	case 6:
		a.step(Event{Kind: Retry, Rev: a.Next, Pause: []time.Duration{time.Millisecond, time.Hour}[rng.IntN(2)]})
	case 7:
		a.step(Event{Kind: GaveUp, Rev: a.Next})
	default:
		kinds := []Kind{Committed, Pressure, Overdue, Wake, Redrive, Discard, Interrupted}
		a.step(Event{Kind: kinds[rng.IntN(len(kinds))], Rev: a.Next})
	}
}

// TestArrivalsParkFromTheHead: nothing is stored that has something before it
// which a crash would let come again behind it.
func TestArrivalsParkFromTheHead(t *testing.T) {
	for _, stays := range []bool{false, true} {
		for seed := range uint64(600) {
			rng := rand.New(rand.NewPCG(seed, 1))
			rules := defaultRules()
			rules.FromHead, rules.HeadStays = true, stays
			rules.MaxHeld, rules.MaxAhead = 1+rng.IntN(4), Revision(1+rng.IntN(3))
			rules.OnFailure = []Resolve{Quarantine, Continue}[rng.IntN(2)]
			rules.Hold = []time.Duration{0, 100 * time.Millisecond}[rng.IntN(2)]
			a := &arrivals{Lane: New(&rules, Fresh(&rules)), at: time.Unix(0, 0), parked: map[Revision]bool{}}
			for range 200 {
				a.act(rng)
				if r := a.hole(); r != 0 {
					t.Fatalf("seed %d: %d is not stored, but of %v something behind it; next %d, %s, %v",
						seed, r, a.parked, a.Next, a.Mode, a.out)
				}
				if err := a.Valid(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if stays && a.taken {
					t.Fatalf("seed %d: the head was parked while it is delivered", seed)
				}
			}
			if a.Parked != len(a.parked) {
				t.Fatalf("seed %d: %d parked, %v stored", seed, a.Parked, a.parked)
			}
		}
	}
}
