package store

import (
	"slices"
	"time"
)

// Selection says which dead letters an operation is about. Those of one route
// that match all that is set, and were given up before the operation began.
type Selection struct {
	IDs         []string  `json:"ids,omitempty"`
	Key         string    `json:"key,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"` // of a group
	Reason      string    `json:"reason,omitempty"`
	Since       time.Time `json:"since,omitzero"` // given up at it or later
	Until       time.Time `json:"until,omitzero"` // given up before it
}

// Matches reports whether a dead letter is selected.
func (s *Selection) Matches(d *Brief) bool {
	switch {
	case s.Key != "" && s.Key != d.Key,
		s.Fingerprint != "" && s.Fingerprint != d.Fingerprint,
		s.Reason != "" && s.Reason != d.Reason,
		!s.Since.IsZero() && d.At.Before(s.Since),
		!s.Until.IsZero() && !d.At.Before(s.Until):
		return false
	}
	return len(s.IDs) == 0 || slices.Contains(s.IDs, d.ID)
}

// OperationState is what an operation is doing.
type OperationState string

// The states of an operation.
const (
	OperationRunning   OperationState = "running"
	OperationPaused    OperationState = "paused"    // by an operator
	OperationStopped   OperationState = "stopped"   // by itself, because too much failed; it can be resumed
	OperationDone      OperationState = "done"      // for good
	OperationCancelled OperationState = "cancelled" // for good
)

// Ended reports whether it is over for good.
func (s OperationState) Ended() bool { return s == OperationDone || s == OperationCancelled }

// Operation is a change of many dead letters of a route, which goes on in the
// background and after a restart. The row is replaced as a whole.
type Operation struct {
	ID        string         `json:"id"` // sorts by when it began
	Route     string         `json:"route"`
	Action    string         `json:"action"` // redrive, discard or archive
	Selection Selection      `json:"selection"`
	State     OperationState `json:"state"`
	Why       string         `json:"why,omitempty"` // why it is in this state, where there is something to say

	By     string `json:"by"`
	Reason string `json:"reason"`

	OutOfOrder bool    `json:"out_of_order,omitempty"`
	Rate       float64 `json:"rate,omitempty"`    // messages a second; 0: as fast as the target takes them
	Canary     int     `json:"canary,omitempty"`  // so many first, and no more if one of them fails; 0: none
	StopAt     float64 `json:"stop_at,omitempty"` // the part of failures at which it stops; 0: it does not

	Began   time.Time `json:"began"`
	Changed time.Time `json:"changed"` // this row
	Ended   time.Time `json:"ended,omitzero"`

	// Place is behind the last dead letter that is dealt with: see [Brief].Place.
	Place string `json:"place,omitempty"`

	// Counts of messages. Total is what was selected when it began; what of it is
	// in none of the others is still to come.
	Total   int64 `json:"total"`
	Done    int64 `json:"done"`    // delivered, discarded or archived
	Failed  int64 `json:"failed"`  // given up again
	Refused int64 `json:"refused"` // stay dead letters, because they cannot go
	Gone    int64 `json:"gone"`    // ended otherwise: by somebody else, or while no count was kept
	// Refusal is what the last one of Refused was told.
	Refusal string `json:"refusal,omitempty"`
}

// Left is how many are still to come.
func (o *Operation) Left() int64 {
	return max(0, o.Total-o.Done-o.Failed-o.Refused-o.Gone)
}
