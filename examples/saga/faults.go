package main

import (
	"errors"
	"sync"

	"github.com/brokerbridge/bridge/policies"
)

// faults are what goes wrong in this story, by command and order.
type faults struct {
	mu   sync.Mutex
	errs map[string]error
}

func newFaults() *faults {
	return &faults{errs: map[string]error{
		"refund A-3": errors.New("the bank does not know this account"),
		// An outage is not the message's fault: no try is spent, nothing is given up.
		"reserve A-4": policies.As(policies.Unavailable, errors.New("the warehouse does not answer")),
	}}
}

func (f *faults) at(kind, order string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.errs[kind+" "+order]
}

func (f *faults) mend(kind, order string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.errs, kind+" "+order)
}
