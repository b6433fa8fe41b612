package api

import (
	"time"

	"github.com/brokerbridge/bridge/bridge/status"
)

// Me is who asks, as the bridge knows them, and what they may do.
type Me struct {
	Name     string `json:"name,omitempty"` // of the token; empty: the bridge asks for none
	Role     string `json:"role"`           // viewer, operator or admin
	Payloads string `json:"payloads"`       // what they see of bodies and headers: hidden, masked or full
	ReadOnly bool   `json:"read_only"`      // this bridge takes no changes, whoever asks
}

// RouteDetail is a route with what it was told to do, and how fast it is.
type RouteDetail struct {
	status.Route
	Policies []Policy  `json:"policies"`
	Rates    Rates     `json:"rates"`             // of the last minute
	Latency  *Latency  `json:"latency,omitempty"` // of the last minute; absent: nothing was delivered
	Shift    []Breaker `json:"breaker_history"`   // the breaker's last changes, newest first, at most 20
}

// Policy is one thing that a route was told to do, in words.
type Policy struct {
	Name string `json:"name"` // order, gap, retry, breaker, dead_letter …
	Says string `json:"says"` // "up to 8 tries, 100 ms to 1 m apart"
}

// Rates are messages a second.
type Rates struct {
	In     float64 `json:"in"`     // taken from the sources
	Out    float64 `json:"out"`    // confirmed by the target
	Parked float64 `json:"parked"` // put into the store to wait
	Dead   float64 `json:"dead"`   // given up
}

// Latency is how long messages took from when they were taken until the target
// had confirmed them, in seconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

// Breaker is a change of a route's breaker.
type Breaker struct {
	At    time.Time `json:"at"`
	State string    `json:"state"`         // closed, half-open or open
	Why   string    `json:"why,omitempty"` // it opened
}

// History is what routes moved, in steps of equal length, oldest first. What the
// bridge does not know, because it did not run, is absent: the series then begin
// later.
type History struct {
	From  time.Time `json:"from"`         // when the first step began
	Step  int       `json:"step_seconds"` // how long each is
	Steps []Rates   `json:"steps"`
}

// Line is a lane drawn as a line of revisions: runs of revisions that are alike, lowest
// first, without a hole between them.
type Line struct {
	Route string `json:"route"`
	KeyName
	Epoch   uint32 `json:"epoch"`
	Runs    []Run  `json:"runs"`
	Omitted int64  `json:"omitted,omitempty"` // revisions above the last run that are not shown
}

// Run are revisions of a line that are alike, bounds included.
type Run struct {
	State  string    `json:"state"` // settled, skipped, gap, parked, held (in memory), dead or next (awaited, nothing is behind it)
	From   int64     `json:"from"`
	To     int64     `json:"to"`
	Letter string    `json:"dead_letter,omitempty"` // dead: its id
	At     time.Time `json:"at,omitzero"`           // since when, where it is known
	Says   string    `json:"says,omitempty"`        // what is to be known of them, in a few words
}

// Hit is one thing that a search found.
type Hit struct {
	Kind  string `json:"kind"` // key, dead_letter, archived or operation
	Route string `json:"route"`
	ID    string `json:"id,omitempty"` // of all but keys
	KeyName
	At   time.Time `json:"at,omitzero"`
	Says string    `json:"says"` // what it is, in a few words
}

// Hits are what a search found on a page. A search looks for a moment only: Next
// is where it goes on, also where nothing was found yet.
type Hits struct {
	Items  []Hit  `json:"items"`
	Looked int64  `json:"looked"` // messages that were looked at for this page
	Next   string `json:"next,omitempty"`
}

// Tick is an event of the stream: something has changed.
type Tick struct {
	At     time.Time      `json:"at"`
	Routes []status.Route `json:"routes"`
}
