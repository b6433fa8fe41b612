package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

type words struct {
	Said string `json:"said"`
}

func (w words) table() string { return w.Said + "\n" }

func TestACaseThatFailsKeepsNoOtherFromBeingMeasured(t *testing.T) {
	broken := errors.New("broken")
	one := func(name string, found report, err error) experiment {
		run := func(context.Context, *stage, plan, []direction) (report, error) { return found, err }
		return experiment{name: name, about: "about " + name, run: run}
	}
	cases := []experiment{one("a", words{"half"}, broken), one("b", nil, broken), one("c", words{"whole"}, nil)}
	r := results{Plan: plan{Keys: 3}, Cases: map[string]report{}}
	file := filepath.Join(t.TempDir(), "results.json")
	if err := r.measure(t.Context(), nil, cases, nil, file); !errors.Is(err, broken) || err.Error() != "a: broken\nb: broken" {
		t.Errorf("got %v", err)
	}
	want := "\na: about a\nhalf\n\nc: about c\nwhole\n"
	if got := r.table(cases); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var got struct {
		Plan  plan
		Cases map[string]words
	}
	text, err := os.ReadFile(file)
	if err := errors.Join(err, json.Unmarshal(text, &got)); err != nil {
		t.Fatal(err)
	}
	if want := map[string]words{"a": {"half"}, "c": {"whole"}}; got.Plan.Keys != 3 || !reflect.DeepEqual(got.Cases, want) {
		t.Errorf("written %s", text)
	}
}

// Who stops it has what was found so far, and waits for no more.
func TestNoCaseBeginsAfterTheEnd(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	begun := 0
	run := func(context.Context, *stage, plan, []direction) (report, error) {
		begun++
		stop()
		return nil, ctx.Err()
	}
	r := results{Cases: map[string]report{}}
	err := r.measure(ctx, nil, []experiment{{"a", "", run}, {"b", "", run}}, nil, "")
	if begun != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d cases, %v", begun, err)
	}
}
