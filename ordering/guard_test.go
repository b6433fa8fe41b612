package ordering

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestFloodAgainstAList compares the ring with a list of all that ended.
func TestFloodAgainstAList(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		share := StopAfter{Of: 1 + rng.IntN(20)}
		share.Dead = 1 + rng.IntN(share.Of)
		f, all := newFlood(share), []string(nil)
		for range 200 {
			reason := []string{"", "", "", "too_large", "panic"}[rng.IntN(5)]
			all = append(all, reason)
			by := map[string]int{}
			for _, r := range all[max(0, len(all)-share.Of):] {
				by[r]++
			}
			dead := by["too_large"] + by["panic"]
			tripped := f.ended(reason)
			if tripped != (dead >= share.Dead) {
				t.Fatalf("%+v: tripped %v after %d dead letters: %q", share, tripped, dead, all)
			}
			if !tripped {
				continue
			}
			want := fmt.Sprintf("%d of the last %d messages became dead letters, %d of them for ", dead, min(len(all), share.Of), max(by["too_large"], by["panic"]))
			if got := f.says(); !strings.HasPrefix(got, want) {
				t.Fatalf("it says %q, want %q", got, want)
			}
			if f.ended("panic") {
				t.Fatal("it tripped twice")
			}
			break
		}
	}
}

func TestFloodOff(t *testing.T) {
	f := newFlood(StopAfter{})
	for range 1000 {
		if f.ended("too_large") {
			t.Fatal("it tripped")
		}
	}
}

// Handlers may give as many reasons as they like; the guard has room for 255.
func TestFloodOfReasons(t *testing.T) {
	f := newFlood(StopAfter{Dead: 1000, Of: 1000})
	for i := range 999 {
		if f.ended(fmt.Sprint("reason ", i)) {
			t.Fatalf("it tripped after %d", i)
		}
	}
	if !f.ended("the last") || len(f.reasons) > 256 {
		t.Errorf("%d reasons", len(f.reasons))
	}
	if want := "1000 of the last 1000 messages became dead letters, 746 of them for other reasons"; f.says() != want {
		t.Errorf("%s", f.says())
	}
}

func TestStopAfterIsAShare(t *testing.T) {
	for s, good := range map[StopAfter]bool{
		{}: true, {1, 1}: true, {25, 100}: true,
		{0, 100}: false, {101, 100}: false, {-1, 100}: false, {1, 0}: false,
	} {
		if err := s.check(); (err == nil) != good {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
