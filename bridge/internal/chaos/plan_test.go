package main

import (
	"fmt"
	"strings"
	"testing"
)

func planned(seed uint64, faults int) string {
	var b strings.Builder
	s := newSchedule(seed, allKinds())
	for faults > 0 {
		a := s.next(faults)
		faults -= len(a)
		fmt.Fprintln(&b, a)
		for _, f := range a {
			fmt.Fprintln(&b, f.draw)
		}
	}
	return b.String()
}

// TestSeedIsTheSchedule: kinds, order, times and what is left to chance.
func TestSeedIsTheSchedule(t *testing.T) {
	first, second := planned(7, 500), planned(7, 500)
	if first != second {
		t.Error("the same seed is another schedule")
	}
	if planned(7, 100) == planned(8, 100) {
		t.Error("two seeds are one schedule")
	}
	if !strings.HasPrefix(first, planned(7, 200)[:1000]) {
		t.Error("a longer run begins otherwise")
	}
}

// TestEachKindComes: once through the deck, each comes as often as it weighs.
func TestEachKindComes(t *testing.T) {
	s := newSchedule(1, allKinds())
	want, deck := map[string]int{}, 0
	for _, k := range s.kinds {
		want[k.name] += k.weight
		deck += k.weight
	}
	got := map[string]int{}
	for n := 0; n < deck; {
		for _, f := range s.next(deck - n) {
			n++
			got[f.kind.name]++
			if f.length < f.kind.least || f.length > f.kind.most || f.n != n {
				t.Errorf("%v, the %dth", f, n)
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	t.Logf("%d kinds, %d in the deck", len(want), deck)
}

// TestPossible: a direction that is left out takes its faults along.
func TestPossible(t *testing.T) {
	for _, c := range []struct{ way, yes, no string }{
		{"r-r", "target queue deleted", "target topic deleted"},
		{"k-k", "rebalance storm", "source queue deleted"},
		{"r-k", "source queue deleted", "target queue refuses"},
		{"k-r", "disk full", "disk hangs"},
		{"r-r", "bridge stopped (SIGSTOP)", "rabbitmq stopped (SIGSTOP)"},
	} {
		names := ""
		for _, k := range possible(allKinds(), []string{c.way}, means{fill: true}) {
			names += k.name + "\n"
		}
		if !strings.Contains(names, c.yes) || strings.Contains(names, c.no) {
			t.Errorf("%s:\n%s", c.way, names)
		}
	}
}
