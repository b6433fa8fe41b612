package api

import (
	"time"

	"github.com/brokerbridge/bridge/bridge/status"
)

// Explanation says what a key waits for and what would let it go on.
type Explanation struct {
	Route string `json:"route"`
	KeyName
	RouteState  status.State `json:"route_state"`
	RouteReason string       `json:"route_reason,omitempty"` // what keeps the whole route
	RouteSince  time.Time    `json:"route_since,omitzero"`   // of its state
	Breaker     string       `json:"breaker"`                // closed, half-open or open
	RouteWays   []Way        `json:"route_ways,omitempty"`   // what would let the route go on
	Epochs      []Wait       `json:"epochs"`                 // of the key, oldest first

	// Beside are dead letters of this key for which nothing waits.
	Beside        []DeadLetter `json:"beside,omitempty"`
	BesideOmitted int          `json:"beside_omitted,omitempty"` // how many more there are, at least
}

// Wait is what a key waits for in one of its epochs.
type Wait struct {
	Lane
	Blocked bool   `json:"blocked"` // somebody has to act, or a revision has to come
	Why     string `json:"why"`     // in a sentence

	Missing    *Range      `json:"missing,omitempty"`     // a gap: the revisions that have not come
	Expires    time.Time   `json:"expires_at,omitzero"`   // a gap: when its time is over; absent while its clock stands still
	Then       string      `json:"then,omitempty"`        // what becomes of it then: quarantine, skip or wait
	DeadLetter *DeadLetter `json:"dead_letter,omitempty"` // the one that blocks
	Attempts   int         `json:"attempts,omitempty"`    // waiting: so far, of the next revision
	Error      string      `json:"error,omitempty"`       // the last of these
	LastTry    *Try        `json:"last_try,omitempty"`    // that failed, of the next revision or of the dead letter
	Behind     *Behind     `json:"behind,omitempty"`      // what is parked
	Ways       []Way       `json:"ways,omitempty"`        // what would let it go on
}

// Range are revisions, bounds included.
type Range struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Behind is what is parked behind something that blocks. Ranges and Oldest are
// of the first Seen messages, because there may be very many.
type Behind struct {
	Count  int       `json:"count"`
	Seen   int       `json:"seen"`
	Ranges []Range   `json:"revisions"`
	Oldest time.Time `json:"oldest_parked_at,omitzero"`
}

// Way is something that an operator may do.
type Way struct {
	Does    string `json:"does"`
	Command string `json:"command,omitempty"` // as typed into a shell; absent: it happens by itself, or elsewhere
}
