package main

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// TestEveryWay goes every way that answers, refusals and deadlines can take an
// order, and holds each to what a saga promises.
func TestEveryWay(t *testing.T) {
	ends := map[string]int{}
	walk(t, saga{Order: Order{ID: "A"}, State: Running}, nil, nil, ends)
	t.Log(ends)
	for _, end := range []string{"done", "cancelled", "stands"} {
		if ends[end] == 0 {
			t.Errorf("no way ends %s", end)
		}
	}
}

// walk goes on from a state. The way is what happened so far; effects are the steps
// that were done, or perhaps, and not undone.
func walk(t *testing.T, s saga, way []string, effects map[int]bool, ends map[string]int) {
	t.Helper()
	switch {
	case s.State == Done && len(effects) != len(steps), s.State == Cancelled && len(effects) != 0:
		t.Errorf("%v ends %s with the effects of steps %v", way, s.State, effects)
	case s.State == Cancelling && slices.Max(append(slices.Collect(maps.Keys(effects)), 0)) >= pivot:
		t.Errorf("%v goes back from behind the pivot, %v", way, effects)
	}
	if s.over() {
		ends[string(s.State)]++
		return
	}
	at, kind, within := s.command()
	if at == "" || kind == "" || within == 0 {
		t.Fatalf("%v tells %q to %q within %v", way, at, kind, within)
	}
	told := func(what string) []string { return append(slices.Clone(way), kind+" "+what) }
	walkDone(t, s, told("done"), effects, ends)
	walkRefused(t, s, told("refused"), effects, ends)
	walkLate(t, s, told("late"), effects, ends)
}

func walkDone(t *testing.T, s saga, way []string, effects map[int]bool, ends map[string]int) {
	t.Helper()
	effects = with(effects, s.Step, s.State == Running)
	if err := s.answered(answer{}); err != nil {
		t.Fatalf("%v: %v", way, err)
	}
	walk(t, s, way, effects, ends)
}

func walkRefused(t *testing.T, s saga, way []string, effects map[int]bool, ends map[string]int) {
	t.Helper()
	before := fmt.Sprint(s)
	forward := s.State == Cancelling || s.Step > pivot
	err := s.answered(answer{Refused: "no"})
	switch {
	case (err != nil) != forward:
		t.Fatalf("%v: %v", way, err)
	case forward && fmt.Sprint(s) != before:
		t.Fatalf("%v: %v became %v", way, before, s)
	case forward: // a dead letter, until somebody mends it
		ends["stands"]++
	default:
		walk(t, s, way, effects, ends)
	}
}

func walkLate(t *testing.T, s saga, way []string, effects map[int]bool, ends map[string]int) {
	t.Helper()
	was, step := s.State, s.Step
	onward := was == Cancelling || step >= pivot
	if alarm := s.late(); alarm != onward {
		t.Fatalf("%v: alarm is %v", way, alarm)
	}
	if onward {
		if s.State != was || s.Step != step {
			t.Fatalf("%v: no longer waits, %v", way, s)
		}
		return // it waits on
	}
	walk(t, s, way, with(effects, step, true), ends) // done or not: nobody knows
}

func with(effects map[int]bool, step int, done bool) map[int]bool {
	effects = maps.Clone(effects)
	if effects == nil {
		effects = map[int]bool{}
	}
	if done {
		effects[step] = true
	} else {
		delete(effects, step)
	}
	return effects
}

// TestPivot says what the order of the steps has to be.
func TestPivot(t *testing.T) {
	for i, s := range steps {
		if (s.undo != "") != (i < pivot) {
			t.Errorf("step %d, %s, can be taken back: %v; the pivot is step %d", i, s.do, s.undo != "", pivot)
		}
	}
}
