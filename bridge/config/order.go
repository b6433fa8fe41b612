package config

import "time"

// By says what order a route keeps.
type By string

// The orders.
const (
	ByRevision By = "revision" // per key, by a gapless number that the message carries
	ByArrival  By = "arrival"  // per key, as the source delivered
	ByNone     By = "none"     // none
)

// Then says what becomes of a lane when something is missing or given up.
type Then string

// What may become of a lane.
const (
	Wait       Then = "wait"       // gap: for ever
	Skip       Then = "skip"       // gap: go on without, durably recorded
	Quarantine Then = "quarantine" // gap, dead letter: hold the successors back until an operator decides
	Continue   Then = "continue"   // dead letter: go on, durably recorded
	Stop       Then = "stop"       // dead letter: pause the whole route
)

// Order is the order of a route. Revision, First, Adopt, Gap, Epoch and MaxJump are
// meaningful with `by: revision` only, Duplicates with the others only; with `by:
// none` so are By and Same alone.
type Order struct {
	// By is required: that a route keeps no order is said, not assumed.
	By By

	// Key is what a message is about; several fields are joined. Required with `by:
	// revision`. Without it, `by: arrival` makes the source one lane.
	Key []Field

	// Revision is the gapless number within the key. Required with `by: revision`.
	Revision Field

	// First is the revision that a new key begins with, when Adopt is false.
	// Required (`first:`) with `by: revision`: a number from 0, or adopt.
	First int64

	// Adopt takes the lowest revision seen within AdoptAfter as the first one of a
	// new key: for keys that are mid-stream already.
	Adopt bool

	// AdoptAfter is how long Adopt looks. Default 2s.
	AdoptAfter time.Duration

	// Gap is what is done about a missing revision.
	Gap Gap

	// Same says what makes two messages of one revision, or of one id, the same
	// message: body, revision (always the same), `header.X` or `json.path`. Default
	// body.
	Same Field

	// Duplicates is how messages are recognised that come again, where they have no
	// revision: `by: arrival` and `by: none`.
	Duplicates Duplicates

	// Epoch is a field with a whole number, 0 to 4294967295, that grows when the
	// numbering of a key starts over. The
	// zero value: none.
	Epoch Field

	// MaxJump is how far a revision may lie above the highest one known before it
	// is taken for corrupt. From 1. Default 10000.
	MaxJump int64

	// MaxAhead is how many revisions of a lane may be published ahead of their
	// checkpoint, and so how many may be doubled by a crash. 1 to 1024. Default 64.
	MaxAhead int

	// ForgetAfter drops the state of lanes idle for so long, but for key hash and
	// revision. 0, the default, written `off`: never.
	ForgetAfter time.Duration
}

// Duplicates is how messages without revisions are told from others.
type Duplicates struct {
	// Off delivers again whatever comes again.
	Off bool

	// ID is a field that is the same when a message comes again, such as an
	// idempotency key. A message without it is not recognised. The zero value, the
	// default: the message's id, on Kafka its position if it has none.
	ID Field

	// Window is for how long at least, and twice as long at most, messages are
	// recognised. At least 1s. Default 24h.
	Window time.Duration
}

// Gap is what is done about a missing revision.
type Gap struct {
	// Hold is how long its successors are kept in memory before they are parked:
	// most gaps are two messages swapped. 0: not at all. Default 100ms.
	Hold time.Duration

	// Timeout is when Then is applied. Not less than Hold. Default 1m.
	Timeout time.Duration

	// Then is wait, skip or quarantine. Default quarantine.
	Then Then
}
