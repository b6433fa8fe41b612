// Package status says how a running bridge is doing, in plain values that the
// admin API, health and metrics share.
package status

import "time"

// State is what a route is doing.
type State string

// The states of a route.
const (
	Starting State = "starting" // not connected yet
	Running  State = "running"
	Waiting  State = "waiting" // it goes on by itself once what Reason names is over
	Paused   State = "paused"  // it goes on when somebody has done what Reason asks for
	Stopped  State = "stopped" // the bridge is ending
)

// ByOperator begins the reason of a route that somebody paused.
const ByOperator = "operator: "

// Route is one route.
type Route struct {
	Name    string    `json:"name"`
	State   State     `json:"state"`
	Reason  string    `json:"reason,omitempty"` // one word, then a sentence: "no_state: 60 of 61 active keys …"
	Since   time.Time `json:"since"`            // of State and Reason
	Owner   string    `json:"owner,omitempty"`
	Sources []End     `json:"sources"`
	Target  End       `json:"target"`
	Breaker string    `json:"breaker"` // closed, half-open or open
	Counts  Counts    `json:"counts"`
	Mirror  *Mirror   `json:"mirror,omitempty"` // where dead letters are copied to, if anywhere
}

// Ready reports whether the route moves messages.
func (r Route) Ready() bool { return r.State == Running }

// End is one side of a route.
type End struct {
	Broker string `json:"broker"`
	Name   string `json:"name"` // "amqp queue orders"
	Up     bool   `json:"up"`
	Reason string `json:"reason,omitempty"` // why it is not
	Lag    int64  `json:"lag"`              // of a source: messages not taken yet; -1: unknown
}

// Mirror is the queue or topic that gets a copy of every dead letter. A route
// moves messages whatever becomes of it.
type Mirror struct {
	End
	Pending int64 `json:"pending"` // dead letters in the store that were not copied yet
	Refused int64 `json:"refused"` // those that cannot be copied, since the process started
}

// Counts are the messages of a route. Received, InMemory, DeadBy and Attempts
// count since the process started, Base holds the ledger as it was then, the
// others count since the route exists.
type Counts struct {
	Received   int64 `json:"received"`
	InMemory   int64 `json:"in_memory"`
	Delivered  int64 `json:"delivered"`
	Duplicates int64 `json:"duplicates"`
	Unverified int64 `json:"duplicates_unverified"`
	Filtered   int64 `json:"filtered"`
	Parked     int64 `json:"parked"`       // now
	ParkedEver int64 `json:"parked_total"` // ever
	ParkedSize int64 `json:"parked_bytes"` // now
	Dead       int64 `json:"dead"`         // now
	DeadEver   int64 `json:"dead_lettered"`
	Redriven   int64 `json:"redriven"`
	Discarded  int64 `json:"discarded"`
	Archived   int64 `json:"archived"`
	Imported   int64 `json:"imported"`
	Purged     int64 `json:"purged"`
	Expired    int64 `json:"expired"`
	Skipped    int64 `json:"skipped"` // revisions

	Unaccounted int64 `json:"unaccounted"` // must be 0

	Keys     map[string]int64 `json:"keys"`     // that do not flow, by what they do: gap, waiting, quarantined …
	DeadBy   map[string]int64 `json:"dead_by"`  // reason
	Failures map[string]int64 `json:"failures"` // failed attempts by class
}
