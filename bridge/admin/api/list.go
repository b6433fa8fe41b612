package api

import "time"

// DeadLetter is a message given up, with its story.
type DeadLetter struct {
	Route string `json:"route"`
	ID    string `json:"id"`
	KeyName
	Epoch       uint32    `json:"epoch"`
	Revision    *int64    `json:"revision,omitempty"` // absent if the message has none that can be used
	InOrder     bool      `json:"in_order"`           // it stands at its place in its key's order, where its successors may wait for it
	Reason      string    `json:"reason"`
	Class       string    `json:"class,omitempty"`
	Error       string    `json:"error,omitempty"`
	Attempts    int       `json:"attempts"`
	FirstFailed time.Time `json:"first_failed_at,omitzero"`
	LastFailed  time.Time `json:"last_failed_at,omitzero"`
	At          time.Time `json:"at,omitzero"`     // when it was given up
	Group       string    `json:"group,omitempty"` // the fingerprint of its cause
	Target      string    `json:"target,omitempty"`
	MessageName
	Size int `json:"size"` // of the body, in bytes

	// Bodiless marks an entry that is no message: a gap whose time is over. Nothing
	// was given up, it counts nowhere, and ends by itself when the revision comes.
	Bodiless bool `json:"bodiless,omitempty"`
}

// DeadLetterDetail is a dead letter with its content.
type DeadLetterDetail struct {
	DeadLetter
	Headers        []Header `json:"headers"`
	HeadersOmitted int      `json:"headers_omitted,omitempty"` // how many more there are
	Body           Bytes    `json:"body"`
	// Tries are the failed tries, oldest first; of many the first and the last ones.
	Tries        []Try `json:"tries,omitempty"`
	TriesOmitted int   `json:"tries_omitted,omitempty"`
	// Trace is the id of the trace that the message came with, or that the bridge
	// began for it, in 32 hexadecimal digits. Absent: none.
	Trace     string `json:"trace,omitempty"`
	TraceLink string `json:"trace_link,omitempty"` // where it is shown, if admin.trace_url is set
	// Payloads says how much of headers and body is here: absent is all, else masked
	// or hidden.
	Payloads string `json:"payloads,omitempty"`
}

// Try is a try that failed.
type Try struct {
	At    time.Time `json:"at"`
	Took  float64   `json:"took_seconds"`
	Class string    `json:"class"`
	Error string    `json:"error,omitempty"`
	Trace string    `json:"trace,omitempty"` // the id of its trace
	Span  string    `json:"span,omitempty"`  // the id of its span in there, in 16 hexadecimal digits
	// Redrives is how often the message had been redriven before.
	Redrives int `json:"redrives,omitempty"`
}

// Lane is one key's stream within a route, in one epoch.
type Lane struct {
	Route string `json:"route"`
	KeyName
	Epoch   uint32    `json:"epoch"`
	State   string    `json:"state"`               // flowing, adopting, gap, waiting, quarantined, gap_blocked or locked
	Since   time.Time `json:"since,omitzero"`      // of the state
	Due     time.Time `json:"due,omitzero"`        // waiting: when the next try is
	Next    *int64    `json:"next,omitempty"`      // the next revision; all below are settled. Absent while adopting
	Highest *int64    `json:"highest,omitempty"`   // the highest revision seen
	Parked  int       `json:"parked"`              // messages in the store
	Lowest  *int64    `json:"lowest,omitempty"`    // the lowest revision of those
	Held    *int      `json:"held,omitempty"`      // messages in memory; absent if nothing is known of it
	Skipped int       `json:"skipped_ranges"`      // how many ranges of revisions it went on without
	Version uint64    `json:"version"`             // how often it was stored
	Suspect bool      `json:"suspect,omitempty"`   // its first revision came again with other content
	Reborn  bool      `json:"recreated,omitempty"` // its first two did: the record was created anew
}

// Key is a key in all its epochs.
type Key struct {
	Route string `json:"route"`
	KeyName
	Epochs []LaneDetail `json:"epochs"`
}

// LaneDetail is a lane with what it went on without.
type LaneDetail struct {
	Lane
	Skips        []Skip `json:"skips"`
	SkipsOmitted int    `json:"skips_omitted,omitempty"` // how many more there are
}

// Skip is a range of revisions that a lane went on without, bounds included.
type Skip struct {
	From   int64     `json:"from"`
	To     int64     `json:"to"`
	At     time.Time `json:"at,omitzero"`
	By     string    `json:"by"` // "gap", or who
	Reason string    `json:"reason,omitempty"`
}
