package main

import (
	"errors"
	"testing"
	"time"
)

func TestRateIsThatBetweenTwoLooksAtAFillingTarget(t *testing.T) {
	start := time.Now()
	type seen struct {
		after time.Duration
		n     int
	}
	for name, c := range map[string]struct {
		seen []seen
		rate float64 // 0: cannot be said
		took time.Duration
	}{
		"neither the wait before nor the end counts": {
			[]seen{{0, 0}, {time.Second, 0}, {1100 * time.Millisecond, 100}, {2100 * time.Millisecond, 900}, {2200 * time.Millisecond, 1000}}, 800, time.Second,
		},
		"a straggler counts": {
			[]seen{{0, 500}, {time.Second, 999}, {9 * time.Second, 999}, {10 * time.Second, 1000}}, 499.0 / 9, 9 * time.Second,
		},
		"one look saw it under way": {[]seen{{0, 0}, {time.Second, 500}, {2 * time.Second, 1000}}, 0, 0},
		"no look saw it under way":  {[]seen{{0, 0}, {time.Second, 1000}}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var l looks
			for i, s := range c.seen {
				if all := l.note(start.Add(s.after), s.n, 1000); all != (i == len(c.seen)-1) {
					t.Errorf("look %d says that all are there: %v", i, all)
				}
			}
			rate, took, err := l.rate()
			if c.rate == 0 {
				if !errors.Is(err, errFast) {
					t.Errorf("rate %v, error %v; want %v", rate, err, errFast)
				}
				return
			}
			if rate != c.rate || took != c.took || err != nil {
				t.Errorf("rate %v over %v, %v; want %v over %v", rate, took, err, c.rate, c.took)
			}
		})
	}
}

func TestWhatGrowsSlowlyIsNotStuck(t *testing.T) {
	start := time.Now()
	for name, c := range map[string]struct {
		seen []int // every half minute
		want bool
	}{
		"nothing yet":                    {[]int{0, 0, 0}, false},
		"nothing for too long":           {[]int{0, 0, 0, 0}, true},
		"one a minute":                   {[]int{0, 1, 1, 2, 2, 3, 3}, false},
		"one, and then nothing":          {[]int{0, 0, 1, 1, 1}, false},
		"one, then nothing for too long": {[]int{0, 0, 1, 1, 1, 1}, true},
	} {
		var l looks
		for i, n := range c.seen {
			l.note(start.Add(time.Duration(i)*30*time.Second), n, 1000)
		}
		if l.stalled() != c.want {
			t.Errorf("%s: stalled %v", name, !c.want)
		}
	}
}
