package main

import (
	"testing"
	"time"
)

// The predecessor of a message is that of its key, also where keys are drawn.
func TestCheckKnowsKeysThatAreDrawn(t *testing.T) {
	p := plan{Messages: 1000, Keys: 30, Draw: zipf}
	all := p.numbering()
	for name, c := range map[string]struct {
		same bool
		want measure
	}{
		"two of a key change places":  {true, measure{Breaks: 1}},
		"two of others change places": {false, measure{}},
	} {
		at := 500
		for (all.key(at) == all.key(at+1)) != c.same {
			at++
		}
		var m measure
		s := newSeen(p)
		for i := range p.Messages {
			switch i {
			case at:
				i++
			case at + 1:
				i--
			}
			s.note(i, time.Time{}, &m)
		}
		if m != c.want || s.missing != 0 {
			t.Errorf("%s: found %+v, %d missing", name, m, s.missing)
		}
	}
}

func TestCheckSeesWhatIsWrong(t *testing.T) {
	p := plan{Messages: 6, Keys: 2} // keys 0 1 0 1 0 1
	for name, c := range map[string]struct {
		numbers []int
		want    measure
	}{
		"all there":                            {[]int{0, 1, 2, 3, 4, 5}, measure{}},
		"keys overtake each other":             {[]int{1, 3, 5, 0, 2, 4}, measure{}},
		"one is missing":                       {[]int{0, 1, 2, 3, 5}, measure{Missing: 1}},
		"one is there twice":                   {[]int{0, 1, 2, 3, 2, 4, 5}, measure{Duplicates: 1}},
		"one is there twice, one is missing":   {[]int{0, 1, 2, 3, 3, 4}, measure{Missing: 1, Duplicates: 1}},
		"one is before its predecessor":        {[]int{2, 0, 1, 3, 4, 5}, measure{Breaks: 1}},
		"one is long after its successors":     {[]int{0, 3, 5, 2, 4, 1}, measure{Breaks: 1}},
		"two are before their predecessors":    {[]int{4, 5, 2, 3, 0, 1}, measure{Breaks: 4}},
		"two are behind one that is too early": {[]int{4, 0, 2, 1, 3, 5}, measure{Breaks: 2}},
		"the first is there again at the end":  {[]int{0, 1, 2, 3, 4, 5, 0}, measure{Duplicates: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var m measure
			s := newSeen(p)
			for _, i := range c.numbers {
				s.note(i, time.Time{}, &m)
			}
			m.Missing = s.missing
			if m != c.want {
				t.Errorf("found %+v, want %+v", m, c.want)
			}
		})
	}
}
