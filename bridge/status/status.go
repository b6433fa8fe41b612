// Package status says how a running bridge is doing, in plain values that the
// admin API, health and metrics share.
package status

import (
	"strings"
	"time"
)

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
	Breaker string    `json:"breaker"`        // closed, half-open or open
	Trip    *Trip     `json:"trip,omitempty"` // why the breaker is not closed; nil: it is
	// Turns are how often the breaker came into each state, since the process started.
	Turns   map[string]int64 `json:"breaker_turns,omitempty"`
	Counts  Counts           `json:"counts"`
	Mirror  *Mirror          `json:"mirror,omitempty"` // where dead letters are copied to, if anywhere
	Events  *Outlet          `json:"events,omitempty"`
	Replies *Outlet          `json:"replies,omitempty"`
	Alarms  []Alarm          `json:"alarms,omitempty"` // those that are on
	Oldest  *Oldest          `json:"oldest,omitempty"` // nil: unknown
}

// Ready reports whether the route moves messages.
func (r Route) Ready() bool { return r.State == Running }

// OffsetsDoNotFit reports whether the route waits because the offsets of its source
// do not fit what it has settled. Somebody may have it take them as they are.
func (r Route) OffsetsDoNotFit() bool {
	if r.State == Running || r.State == Stopped {
		return false
	}
	for _, word := range []string{"offset_rewound", "source_truncated", "topic_recreated", "--accept-offset"} {
		if strings.Contains(r.Reason, word) {
			return true
		}
	}
	return false
}

// End is one side of a route.
type End struct {
	Broker string `json:"broker"`
	Name   string `json:"name"` // "amqp queue orders"
	Up     bool   `json:"up"`
	Reason string `json:"reason,omitempty"` // why it is not
	Lag    int64  `json:"lag"`              // of a source: messages not taken yet; -1: unknown

	Blocked    bool  `json:"blocked,omitempty"`    // of a target: its broker takes nothing, for want of memory or disk
	Reconnects int64 `json:"reconnects,omitempty"` // how often it came back, since the process started
}

// Trip is why a breaker opened, and when it tries the target again.
type Trip struct {
	At    time.Time `json:"at"`
	Why   string    `json:"why,omitempty"`     // the last failure that counted
	Probe time.Time `json:"probe_at,omitzero"` // when the next try is; zero: it is under way
}

// Mirror is the queue or topic that gets a copy of every dead letter. A route
// moves messages whatever becomes of it.
type Mirror struct {
	End
	Pending int64 `json:"pending"` // dead letters in the store that were not copied yet
	Refused int64 `json:"refused"` // those that cannot be copied, since the process started
}

// Outlet is where the events of a route go, or replies to who asked for one. A
// route moves messages whatever becomes of it.
type Outlet struct {
	End
	Dropped int64 `json:"dropped"` // what cannot be sent, since the process started
}

// Alarm is a limit of the route that is reached. It stops nothing.
type Alarm struct {
	Reason string    `json:"reason"` // one of AlarmReasons
	Since  time.Time `json:"since"`  // it was noticed
	Says   string    `json:"says"`   // "1204 dead letters, the limit is 1000"
}

// AlarmReasons are the limits, as the topology file calls them.
var AlarmReasons = []string{
	"dead_letters", "dead_letter_age", "parked", "parked_age", "open_skips", "quarantined_keys", "unsent_events",
}

// Oldest is since when something waits that nobody has seen to. Zero: nothing does.
type Oldest struct {
	DeadLetter time.Time `json:"dead_letter,omitzero"`
	Parked     time.Time `json:"parked,omitzero"` // since when a key with messages in the store is as it is
	Skip       time.Time `json:"skip,omitzero"`
	Gap        time.Time `json:"gap,omitzero"` // since when a key with messages in the store waits for a revision
}

// Counts are the messages of a route. Received, InMemory, DeadBy and Attempts
// count since the process started, Base holds the ledger as it was then, the
// others count since the route exists.
type Counts struct {
	Received   int64 `json:"received"`
	InMemory   int64 `json:"in_memory"`
	Held       int64 `json:"held"`      // of those, the ones that are not on their way to the target
	Confirmed  int64 `json:"confirmed"` // by the target, since the route started last
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
	Restored   int64 `json:"restored"` // of those
	Imported   int64 `json:"imported"`
	Purged     int64 `json:"purged"`
	Expired    int64 `json:"expired"`
	Skipped    int64 `json:"skipped"`       // revisions
	OpenSkips  int64 `json:"open_skips"`    // ranges that no operator has closed, now
	Unsent     int64 `json:"unsent_events"` // now

	Unaccounted int64 `json:"unaccounted"` // must be 0

	Keys     map[string]int64 `json:"keys"`     // that do not flow, by what they do: gap, waiting, quarantined …
	DeadBy   map[string]int64 `json:"dead_by"`  // reason
	Failures map[string]int64 `json:"failures"` // failed attempts by class
}
