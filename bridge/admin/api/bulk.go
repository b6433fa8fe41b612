package api

import "time"

// Group is the dead letters of a route with one cause, and what waits because of
// them.
type Group struct {
	Route        string    `json:"route"`
	Fingerprint  string    `json:"fingerprint"`
	Reason       string    `json:"reason"`
	Class        string    `json:"class,omitempty"`
	Target       string    `json:"target,omitempty"`
	Error        string    `json:"error,omitempty"` // of the last one
	Dead         int64     `json:"dead"`            // how many there are
	First        time.Time `json:"first,omitzero"`  // when the first was given up since there was none
	Last         time.Time `json:"last,omitzero"`
	BlockedKeys  int64     `json:"blocked_keys"`  // keys that wait for one of them
	ParkedBehind int64     `json:"parked_behind"` // messages that wait behind those
}

// Selection says which dead letters of a route an operation is about: those that
// match all that is set, and were given up before it began.
type Selection struct {
	IDs       []string  `json:"ids,omitempty"`
	Key       string    `json:"key,omitempty"`
	KeyBase64 []byte    `json:"key_base64,omitempty"` // a key that is no text
	Group     string    `json:"group,omitempty"`      // a fingerprint
	Reason    string    `json:"reason,omitempty"`
	Since     time.Time `json:"since,omitzero"` // given up at it or later
	Until     time.Time `json:"until,omitzero"` // given up before it
}

// Request says what is to be done with many dead letters, and why.
type Request struct {
	Reason string `json:"reason"`            // why, for the audit; required but in a dry run
	By     string `json:"by,omitempty"`      // who, as they say; with tokens their name counts
	DryRun bool   `json:"dry_run,omitempty"` // only plan it

	Action     string    `json:"action"` // redrive, discard or archive
	Selection  Selection `json:"selection"`
	OutOfOrder bool      `json:"out_of_order,omitempty"` // redrive: also what later revisions have passed
	Rate       float64   `json:"rate,omitempty"`         // messages a second; absent: as fast as the target takes them
	Canary     int       `json:"canary,omitempty"`       // so many first, and no more if one of them fails again
	StopAt     float64   `json:"stop_at,omitempty"`      // the part that may fail again before it stops; absent: 0.5, of 20 at least; 1: it does not
}

// Begun is the answer to a [Request]: the plan of a dry run, or the operation.
type Begun struct {
	Plan      *Plan      `json:"plan,omitempty"`
	Operation *Operation `json:"operation,omitempty"`
}

// Plan is what an operation would do.
type Plan struct {
	Messages int64 `json:"messages"`
	Keys     int64 `json:"keys"`                // counted up to 100,000
	MoreKeys bool  `json:"more_keys,omitempty"` // than that

	Looked       int64  `json:"looked"`                  // messages that were looked at one by one, up to 10,000: what follows is of those
	InOrder      int64  `json:"in_order"`                // their key waits for them: they go at their place
	ParkedBehind int64  `json:"parked_behind"`           // messages that follow those
	Arrive       int64  `json:"arrive"`                  // they belong to no lane: redriven, they go like messages of the source
	OutOfOrder   int64  `json:"out_of_order"`            // they go beside the order
	Refused      int64  `json:"refused"`                 // they stay dead letters
	Refusal      string `json:"refusal,omitempty"`       // what the last of those is told
	TakesSeconds int64  `json:"takes_seconds,omitempty"` // at the rate asked for
	Says         string `json:"says"`                    // all that in a sentence or two
}

// Operation is a change of many dead letters, which goes on in the background and
// after a restart.
type Operation struct {
	ID        string    `json:"id"` // sorts by when it began
	Route     string    `json:"route"`
	Action    string    `json:"action"` // redrive, discard or archive
	Selection Selection `json:"selection"`
	State     string    `json:"state"`         // running, paused, stopped (by itself), done or cancelled
	Why       string    `json:"why,omitempty"` // it is in this state

	By         string  `json:"by"`
	Reason     string  `json:"reason"`
	OutOfOrder bool    `json:"out_of_order,omitempty"`
	Rate       float64 `json:"rate,omitempty"`
	Canary     int     `json:"canary,omitempty"`
	StopAt     float64 `json:"stop_at,omitempty"`

	Began   time.Time `json:"began"`
	Changed time.Time `json:"changed"`
	Ended   time.Time `json:"ended,omitzero"`

	Total    int64  `json:"total"`     // selected when it began
	Done     int64  `json:"done"`      // delivered or back in their lane; discarded; archived
	Failed   int64  `json:"failed"`    // dead letters again
	Refused  int64  `json:"refused"`   // stay dead letters, because they cannot go
	Gone     int64  `json:"gone"`      // ended otherwise: by somebody else, or while the bridge was down
	Left     int64  `json:"left"`      // still to come
	UnderWay int    `json:"under_way"` // of those, sent and not ended
	Refusal  string `json:"refusal,omitempty"`

	Speed       float64 `json:"speed"`                  // messages a second, lately
	LeftSeconds int64   `json:"left_seconds,omitempty"` // at that speed
	New         int64   `json:"new"`                    // dead letters it would have been about that came since it began, up to 10,000
}

// Archived is a dead letter that was put away.
type Archived struct {
	DeadLetter
	ArchivedAt time.Time `json:"archived_at"`
	By         string    `json:"by"`
	Why        string    `json:"why"`
	Original   string    `json:"original_of,omitempty"` // the dead letter that this was, before it was edited
}

// ArchivedDetail is an archived dead letter with its content.
type ArchivedDetail struct {
	Archived
	Headers        []Header `json:"headers"`
	HeadersOmitted int      `json:"headers_omitted,omitempty"`
	Body           Bytes    `json:"body"`
	// Payloads says how much of headers and body is here, as of a dead letter.
	Payloads string `json:"payloads,omitempty"`
}

// Letter is a dead letter as it is exported and imported: whole, byte for byte.
type Letter struct {
	DeadLetter
	Headers []Header `json:"headers"`
	Body    Bytes    `json:"body"`
	// Tries are as in [DeadLetterDetail].
	Tries        []Try `json:"tries,omitempty"`
	TriesOmitted int   `json:"tries_omitted,omitempty"`
	Redrives     int   `json:"redrives,omitempty"` // how often it was redriven
}

// Import is dead letters from elsewhere.
type Import struct {
	Reason  string   `json:"reason"`
	By      string   `json:"by,omitempty"`
	DryRun  bool     `json:"dry_run,omitempty"`
	Letters []Letter `json:"letters"` // at most 100
}

// Edit is the new content of a dead letter, whole.
type Edit struct {
	Reason  string   `json:"reason"`
	By      string   `json:"by,omitempty"`
	DryRun  bool     `json:"dry_run,omitempty"`
	Headers []Header `json:"headers"`
	Body    Bytes    `json:"body"`
	Raw     bool     `json:"raw,omitempty"` // the body need not be JSON, though it was
}

// OpenSkip is a range of revisions that a key went on without and that nobody has
// seen to.
type OpenSkip struct {
	Route string `json:"route"`
	KeyName
	Epoch uint32 `json:"epoch"`
	Skip
}

// AuditCheck is what following the chain of the audit has shown.
type AuditCheck struct {
	Good bool   `json:"good"`
	Rows uint64 `json:"rows"`           // that are as they were written
	Head string `json:"head,omitempty"` // the hash of the last one, to be kept elsewhere
	Says string `json:"says,omitempty"` // what is wrong
}

// The codes of errors about operations.
const (
	NoBackup         = "no_backup" // the copy could not be made
	UnknownOperation = "unknown_operation"
	UnknownArchived  = "unknown_archived"
	OperationOver    = "operation_over"
	EditOff          = "edit_off"     // the route does not allow edits
	EditRefused      = "edit_refused" // another key or revision, or no JSON any more
)
