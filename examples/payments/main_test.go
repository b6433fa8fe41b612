package main

import (
	"os"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/examples/internal/twice"
)

// TestMain lets the example run this program, which is the test, as its service.
func TestMain(m *testing.M) {
	if twice.IsService() {
		main()
		return
	}
	os.Exit(m.Run())
}

const story = `
The first process
    P-1  payment  paid 120, invoiced ?, risk ?: a phantom
    P-2  payment  paid 120, invoiced ?, risk ?: a phantom
    P-3  invoice  paid ?, invoiced 120, risk ?: a phantom
    P-4  invoice  paid ?, invoiced 120, risk ?: a phantom
    P-5  fraud    paid ?, invoiced ?, risk low: a phantom
    P-6  fraud    paid ?, invoiced ?, risk low: a phantom
    P-7  payment  paid 120, invoiced ?, risk ?: a phantom
    P-1  invoice  paid 120, invoiced 120, risk ?: a phantom
    P-2  fraud    paid 120, invoiced ?, risk low: a phantom
    P-3  payment  paid 120, invoiced 120, risk ?: a phantom
    P-4  fraud    paid ?, invoiced 120, risk low: a phantom
    P-5  payment  paid 120, invoiced ?, risk low: a phantom
    P-6  invoice  paid ?, invoiced 120, risk low: a phantom
    P-7  invoice  paid 120, invoiced 100, risk ?: a phantom
    P-1  fraud    paid 120, invoiced 120, risk low: decided now: accepted
    P-2  invoice  paid 120, invoiced 120, risk low: decided now: accepted
    P-3  fraud    paid 120, invoiced 120, risk low: decided now: accepted
    KILLED: the decision on P-3 is committed, the checkpoint is not
The second process, which is sent everything anew
    P-3  fraud    paid 120, invoiced 120, risk low: decided: accepted
    P-4  payment  paid 120, invoiced 120, risk low: decided now: accepted
    P-5  invoice  paid 120, invoiced 120, risk low: decided now: accepted
    P-6  payment  paid 120, invoiced 120, risk low: decided now: accepted
    P-7  fraud    paid 120, invoiced 100, risk low: decided now: refused
    42 events came, 37 were dropped as copies
The records
    P-1  paid 120, invoiced 120, risk low: decided: accepted
    P-2  paid 120, invoiced 120, risk low: decided: accepted
    P-3  paid 120, invoiced 120, risk low: decided: accepted
    P-4  paid 120, invoiced 120, risk low: decided: accepted
    P-5  paid 120, invoiced 120, risk low: decided: accepted
    P-6  paid 120, invoiced 120, risk low: decided: accepted
    P-7  paid 120, invoiced 100, risk low: decided: refused
`

// Each payment is decided once, whatever the order, the copies and the kill.
func TestStory(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Error(err)
	}
	if got := "\n" + out.String(); got != story {
		t.Errorf("the story is%s\nand should be%s", got, story)
	}
}
