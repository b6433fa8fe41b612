package main

import (
	"context"
	"slices"
	"testing"
)

func TestWhatIsPublishedIsDisplacedAndRepeatedAsAsked(t *testing.T) {
	const n = 50_000
	for name, c := range map[string]struct {
		displaced int
		repeated  float64
		late      [2]float64 // share of messages, from and to
	}{
		"in order":  {0, 0, [2]float64{0, 0}},
		"copies":    {0, 0.01, [2]float64{0, 0}},
		"a little":  {200, 0.01, [2]float64{0.1, 0.6}},
		"far, once": {20_000, 0, [2]float64{0.9, 1}},
	} {
		p := plan{Messages: n, Keys: 100, Draw: uniform, Displaced: c.displaced, Repeated: c.repeated}
		order := slices.Collect(p.published())
		first, most := map[int]int{}, c.displaced+int(c.repeated*repeatedWithin*10)
		for at, i := range order {
			if was, copied := first[i]; copied {
				if at-was > repeatedWithin+most {
					t.Fatalf("%s: the copy of %d comes %d places later", name, i, at-was)
				}
				continue
			}
			first[i] = at
			if away := at - len(order)*i/n; away > most+50 || -away > most+50 {
				t.Fatalf("%s: %d is %d places away", name, i, away)
			}
		}
		m := p.disorder()
		if len(first) != n || m.Duplicates != len(order)-n {
			t.Errorf("%s: %d of %d messages, %d twice", name, len(first), n, m.Duplicates)
		}
		if share := float64(m.Duplicates) / n; share < c.repeated*0.8 || share > c.repeated*1.2 {
			t.Errorf("%s: %.4f of the messages come twice", name, share)
		}
		if late := float64(m.Breaks) / n; late < c.late[0] || late > c.late[1] {
			t.Errorf("%s: %.2f of the messages stand behind a successor", name, late)
		}
	}
}

func TestWhatIsPublishedIsTheSameEachTime(t *testing.T) {
	p := plan{Messages: 1000, Keys: 10, Displaced: 100, Repeated: 0.1}
	if a, b := slices.Collect(p.published()), slices.Collect(p.published()); !slices.Equal(a, b) || slices.IsSorted(a) {
		t.Error("it is not, or in order")
	}
}

// emptying is a source that has one message less each time one looks.
type emptying struct {
	end

	n int
}

func (e *emptying) left(context.Context) (int, error) {
	e.n--
	return e.n, nil
}

func TestCopiesAtTheEndAreReadToo(t *testing.T) {
	source := &emptying{n: 3}
	if awaitRead(t.Context(), source); source.n != 0 {
		t.Errorf("%d are left", source.n)
	}
}
