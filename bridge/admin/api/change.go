package api

import "time"

// MaxReason is how long a reason may be, in bytes.
const MaxReason = 1000

// Change says what a caller wants changed and why: the body of every POST, as
// JSON. A field that is not known is refused, so that a misspelt "dry_run"
// changes nothing.
type Change struct {
	Reason string `json:"reason"`            // why, for the audit; required but in a dry run
	By     string `json:"by,omitempty"`      // who, as they say; nobody checks it
	DryRun bool   `json:"dry_run,omitempty"` // change nothing, say what would be done

	OutOfOrder   bool    `json:"out_of_order,omitempty"`  // redrive: also what later revisions have passed
	To           *int64  `json:"to,omitempty"`            // skip: the revision to go on at; required there
	Epoch        *uint32 `json:"epoch,omitempty"`         // skip, release: which epoch of the key; default the one that waits
	NewEpoch     bool    `json:"new_epoch,omitempty"`     // release: open the epoch of a record that was created anew
	AcceptOffset bool    `json:"accept_offset,omitempty"` // resume: take the offsets of the source as they are
}

// Outcome is what was done, or in a dry run what would be.
type Outcome struct {
	Done   bool   `json:"done"`    // it was; false: it was a dry run, or there was nothing to do
	DryRun bool   `json:"dry_run"` // it was one
	Action string `json:"action"`  // redrive, discard, skip, release, pause or resume
	Route  string `json:"route"`
	KeyName
	Epoch       uint32   `json:"epoch,omitempty"`
	Revision    *int64   `json:"revision,omitempty"`     // at which the key stood
	To          *int64   `json:"to,omitempty"`           // at which it goes on
	DeadLetters []string `json:"dead_letters,omitempty"` // the ids that it was about
	Parked      int      `json:"parked"`                 // messages that waited behind
	InOrder     bool     `json:"in_order"`               // redrive, discard: the key waits for it
	Says        string   `json:"says"`                   // all that in a sentence
}

// Audit is one thing that somebody did, kept for ever.
type Audit struct {
	Seq    uint64    `json:"seq"` // rising within the store
	At     time.Time `json:"at"`
	Route  string    `json:"route"`
	By     string    `json:"by"` // who, as they said
	Action string    `json:"action"`
	KeyName
	Epoch  uint32 `json:"epoch,omitempty"`
	Target string `json:"target,omitempty"` // the id of the dead letter, or the revisions: "4" or "4-9"
	Reason string `json:"reason"`           // as it was given
	Count  int64  `json:"count,omitempty"`  // how many messages it concerned; absent: one, or none can be named
}
