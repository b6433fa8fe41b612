package main

import (
	"slices"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

func TestRevisionsOfAKeyHaveNoGaps(t *testing.T) {
	for _, p := range []plan{
		{Keys: 7},
		{Keys: 7, Settled: 1},
		{Keys: 1},
		{Keys: 7, Draw: uniform},
		{Keys: 900, Draw: uniform, Settled: 1},
		{Keys: 900, Draw: zipf, Settled: 1},
		{Keys: 1, Draw: zipf},
	} {
		p.Messages, p.Size = 1000, 8
		all, last := p.numbering(), map[string]int64{}
		for i := range p.Messages {
			m := all.message(i)
			want := max(last[m.Key], int64(p.Settled)) + 1
			if m.Revision != want || m.Key != keyName(all.key(i)) || all.key(i) >= p.Keys || load.NumberOf(m.Body()) != i {
				t.Fatalf("%+v: message %d is %+v, want revision %d", p, i, m, want)
			}
			last[m.Key] = m.Revision
		}
	}
}

func TestADrawingIsWhatItSays(t *testing.T) {
	const keys, messages = 1000, 100_000
	often := func(d drawing) []int {
		times := make([]int, keys)
		all := plan{Keys: keys, Messages: messages, Draw: d}.numbering()
		for i := range messages {
			times[all.key(i)]++
		}
		slices.Sort(times)
		return times
	}
	if u := often(uniform); u[0] < 50 || u[keys-1] > 150 {
		t.Errorf("uniform: a key has %d to %d messages", u[0], u[keys-1])
	}
	z := often(zipf)
	top, second := float64(z[keys-1])/messages, float64(z[keys-2])/float64(z[keys-1])
	if top < 0.15 || top > 0.21 || second < 0.42 || second > 0.52 { // 1/sum(k^-1.1) is 0.18, 2^-1.1 is 0.47
		t.Errorf("zipf: the first key has %.3f of the messages, the second %.2f of those", top, second)
	}
}

func TestScatteredPlacesAreAllThePlaces(t *testing.T) {
	for _, n := range []int{1, 2, 10, 7919, 100_000} {
		had := make([]bool, n)
		for i := range n {
			had[scattered(i, n)] = true
		}
		if slices.Contains(had, false) {
			t.Errorf("of %d places one has nobody", n)
		}
	}
	if i := scattered(9_999_999, 10_000_000); i < 0 {
		t.Error("an overflow")
	}
}
