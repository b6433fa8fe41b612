package main

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

const story = `
event 2 arrives: add soup
    lane: gap, next is 1, parked [2], copies dropped: 0
event 1 arrives: open
    handler sees 1 open
    handler sees 2 add soup
    lane: flowing, next is 3, parked [], copies dropped: 0
event 5 arrives: add salad
    lane: gap, next is 3, parked [5], copies dropped: 0
event 6 arrives: checkout
    lane: gap, next is 3, parked [5 6], copies dropped: 0
event 2 arrives: add soup
    lane: gap, next is 3, parked [5 6], copies dropped: 1
event 5 arrives: add salad
    lane: gap, next is 3, parked [5 6], copies dropped: 2
event 4 arrives: remove soup
    lane: gap, next is 3, parked [4 5 6], copies dropped: 2
event 3 arrives: add pizza
    handler sees 3 add pizza
    handler sees 4 remove soup
    handler sees 5 add salad
    handler sees 6 checkout
    KITCHEN ORDER: pizza, salad
    lane: flowing, next is 7, parked [], copies dropped: 2
`

// The kitchen gets one order, of the whole cart, at the last arrival.
func TestStory(t *testing.T) {
	defer goleak.VerifyNone(t)
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Error(err)
	}
	if got := "\n" + out.String(); got != story {
		t.Errorf("the story is%s\nand should be%s", got, story)
	}
}
