package main

import "testing"

func TestASpreadIsKnownOnlyIfAllItsValuesAre(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{nil, spread{}},
		{[]float64{7}, spread{7, 7, 7}},
		{[]float64{4, 1, 3}, spread{3, 1, 4}},
		{[]float64{4, 1, 3, 2}, spread{2.5, 1, 4}},
		{[]float64{4, 0, 3}, spread{}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.values, got, c.want)
		}
	}
}

// The ratio of medians would be 1 here, and that of the rounds is not.
func TestRatiosAreOfRunsOfTheSameRound(t *testing.T) {
	runs := func(cpu float64, rates ...float64) (all []measure) {
		for _, r := range rates {
			all = append(all, measure{Rate: r, CPU: cpu})
		}
		return all
	}
	a := series{Name: "a", Runs: runs(6, 100, 200, 600)}
	b := series{Name: "b", Runs: runs(2, 50, 400, 200)}
	inside := series{Name: "inside a broker", Runs: runs(0, 100, 100, 100)}
	if got, want := ratioOf(a, b), (ratio{"a", "b", spread{2, 0.5, 3}, spread{3, 3, 3}}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := ratioOf(inside, b), (ratio{"inside a broker", "b", spread{0.5, 0.25, 2}, spread{}}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := ratioOf(b, inside); got.CPU != (spread{}) || got.Rate != (spread{2, 0.5, 4}) {
		t.Errorf("%+v: it was compared with what is not known", got)
	}
}

func TestAllAreComparedToTheRawLoopAndTheBridgeToItsPeers(t *testing.T) {
	one := func(name string, rate float64) series {
		return series{Name: name, Runs: []measure{{Rate: rate}}}
	}
	r := result{Contenders: []series{one("raw loop", 8), one("bridge", 4), one("x", 2), one("y", 1)}}
	r.Contenders[2].peer, r.Contenders[3].peer = true, true
	r.summarise()
	want := map[[2]string]float64{
		{"bridge", "raw loop"}: 0.5, {"x", "raw loop"}: 0.25, {"y", "raw loop"}: 0.125,
		{"bridge", "x"}: 2, {"bridge", "y"}: 4,
	}
	for _, v := range r.Ratios {
		if want[[2]string{v.Of, v.To}] != v.Rate.Median {
			t.Errorf("%s to %s: %v", v.Of, v.To, v.Rate.Median)
		}
	}
	if len(r.Ratios) != len(want) {
		t.Errorf("%d ratios", len(r.Ratios))
	}
	if m := r.Contenders[3].Rate.Median; m != 1 {
		t.Errorf("the last one's rate is %v", m)
	}
}
