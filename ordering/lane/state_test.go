package lane

import (
	"strings"
	"testing"
)

// A skipped revision has no content: not that of the one sixteen before it.
func TestSkipForgetsPrints(t *testing.T) {
	rules := defaultRules()
	for _, to := range []Revision{20, 25, 40, 1000} {
		l := New(&rules, Fresh(&rules))
		for r := Revision(1); r < 20; r++ {
			l.Step(nil, Event{Kind: Arrive, Rev: r, Print: Print(r)})
			l.Step(nil, Event{Kind: Confirmed, Rev: r})
		}
		l.Step(nil, Event{Kind: Arrive, Rev: to + 1})
		l.Step(nil, Event{Kind: SkipTo, Rev: to + 1})
		for r := Revision(1); r <= to; r++ {
			want := Print(0)
			if r < 20 && (r <= 2 || r > to-prints) {
				want = Print(r)
			}
			if got := l.print(r); got != want {
				t.Errorf("up to %d skipped: print of %d is %d, want %d", to, r, got, want)
			}
		}
	}
}

func TestStateValid(t *testing.T) {
	rules := defaultRules()
	for _, c := range []struct {
		says   string
		change func(*State)
	}{
		{"", func(*State) {}},
		{"next 0 is below base 1", func(s *State) { s.Next = 0 }},
		{"highest 0 is below next 2", func(s *State) { s.Next = 2 }},
		{"negative count", func(s *State) { s.Parked = -1 }},
		{"parked 0 is below next 1", func(s *State) { s.Parked = 1 }},
		{"lowest is 7, but nothing is parked", func(s *State) { s.Lowest = 7 }},
		{"1 is both parked and a dead letter", func(s *State) { s.Mode, s.Parked, s.Lowest = Quarantined, 1, 1 }},
		{"next 1 in mode adopting", func(s *State) { s.Mode = Adopting }},
		{"next -1 in mode flowing", func(s *State) { s.Base, s.Next = -1, -1 }},
		{"a dead letter's content in mode gap", func(s *State) { s.Mode, s.Blocked = Gap, 1 }},
		{"2 set aside of 1 parked", func(s *State) { s.Parked, s.Lowest, s.Aside = 1, 2, 2 }},
	} {
		s := Fresh(&rules)
		c.change(&s)
		err := s.Valid()
		if c.says == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
}
