package lane

import (
	"strconv"
	"time"
)

// Kind names an [Event].
type Kind uint8

// The events of a lane. In brackets the fields each one reads beside Kind and At.
const (
	Arrive      Kind = iota // a message came from the source [Rev Print Known Same Fast Closed]
	Fetched                 // what Fetch or Retake asked for is in memory [Rev Print To: the next parked revision]
	Missing                 // what Fetch or Retake asked for is not in the store [Rev]
	Expelled                // Expel is done [Count; Rev and To: highest and lowest still parked]
	Confirmed               // the target has it [Rev]
	Retry                   // it failed and is to be tried again [Rev Pause]
	GaveUp                  // it failed for good [Rev]
	Interrupted             // nothing is known against it: shutdown took the attempt [Rev]
	Wake                    // the pause after a Retry is over [Rev]
	Committed               // a commit is durable [Rev: its State.Next]
	Tick                    // time has passed
	Resolved                // apply Rules.OnGap to an expired gap
	AdoptNow                // start at the lowest revision known, whatever Rules say
	CaughtUp                // the source was seen empty
	Stopped                 // the source no longer delivers
	Resumed                 // the source delivers again
	Pressure                // park whatever waits in memory
	Overdue                 // the delivery takes long: park its message meanwhile, whatever becomes of it
	Redrive                 // an operator: try the dead letter at Next again [Rev]
	Discard                 // an operator: give up the dead letter at Next, go on behind it [Rev]
	SkipTo                  // an operator: go on at Rev without what is missing below it [Rev]
	Release                 // an operator: give a gap its time once more, or open a locked epoch
)

var kindNames = [...]string{
	"arrive", "fetched", "missing", "expelled", "confirmed", "retry", "gaveup", "interrupted", "wake", "committed", "tick",
	"resolved", "adopt-now", "caught-up", "stopped", "resumed", "pressure", "overdue", "redrive", "discard", "skip-to", "release",
}

// String is the event as dialogues spell it.
func (k Kind) String() string { return spell(kindNames[:], uint8(k)) }

// Presence says what the store knows of an arriving revision.
type Presence uint8

// What the store may answer when [Lane.Unsure] asks.
const (
	Absent  Presence = iota // not parked, not skipped; or nobody asked
	Parked                  // its row is there
	Skipped                 // it lies in a skipped or un-adopted range
)

// Event is something that happened to a lane.
type Event struct {
	Kind   Kind
	Known  Presence      // Arrive: what the store knows of Rev
	Same   bool          // Arrive, Known == Parked: the parked one has the same content
	Fast   bool          // Arrive: the lane delivers what it holds in no time, so that it need not park above Rules.MaxHeld
	Closed bool          // Arrive: the next epoch of a lane that is Reborn is open, this one takes nothing new
	Rev    Revision      // which revision
	To     Revision      // Fetched: the lowest revision parked above Rev, if any; Expelled: the lowest left
	Count  int           // Expelled: how many were refused
	Print  Print         // Arrive, Fetched: the content's fingerprint
	Pause  time.Duration // Retry: how long until the next try
	At     time.Time     // when; needed where a gap may open or a deadline pass
}

// Verb names an [Effect].
type Verb uint8

// The effects of a lane. In brackets the fields each one sets beside Verb.
const (
	Deliver     Verb = iota // publish Rev, which is in memory
	Fetch                   // read the parked Rev from the store, answer Fetched
	Retake                  // read the dead letter Rev from the store, answer Fetched
	Hold                    // keep Rev in memory, unacknowledged
	Park                    // store Rev with its attempts, for the first time or again; delete its dead letter, if any
	Join                    // a copy of a revision still in memory: acknowledge it when that one is durable
	Drop                    // a duplicate: acknowledge it once Rev is durable
	DropUnknown             // the same, though its content can no longer be compared
	Settle                  // Rev is delivered; delete its parked row or dead letter, if any
	GiveUp                  // store a dead letter for Rev, which blocks or is passed; delete its parked row
	Discharge               // Rev's dead letter was discarded by an operator
	Refuse                  // store a dead letter that belongs to no lane, for the arrival or, if Rev is held and Implausible, for that one [Reason]
	Expel                   // the parked revisions above Rev are implausible: refuse each, answer Expelled
	SkipRange               // store the range Rev..To as skipped; arrivals inside it are late
	Adopted                 // the lane starts at Rev; what lies below is late from now on
	NextEpoch               // hand the arrival to the lane of the next epoch
	Expired                 // the gap at Rev lasted too long; answer Resolved when OnGap shall apply
	Block                   // an operator is needed at Rev [Reason]
	Halt                    // stop the route: Rev failed for good [Failure], or the store has lost it
)

var verbNames = [...]string{
	"deliver", "fetch", "retake", "hold", "park", "join", "drop", "drop-unverified", "settle", "give-up", "discharge",
	"refuse", "expel", "skip", "adopted", "next-epoch", "expired", "block", "halt",
}

// String is the effect as dialogues spell it.
func (v Verb) String() string { return spell(verbNames[:], uint8(v)) }

// Reason says why a message was refused or a lane blocked.
type Reason uint8

// The reasons a lane gives. The names are those of dead letters.
const (
	NoReason    Reason = iota
	Conflict           // same revision, other content
	Regressed          // the first revisions came again with other content
	Late               // inside a range that was skipped
	Implausible        // too far above everything known
	BelowFirst         // below the first revision of the route
	GapTimeout         // the next revision did not come in time
	Failure            // the next revision is a dead letter
)

var reasonNames = [...]string{
	"", "revision_conflict", "revision_regressed", "late", "revision_implausible", "revision_invalid", "gap_timeout", "failure",
}

// String is the reason as dead letters spell it.
func (r Reason) String() string { return spell(reasonNames[:], uint8(r)) }

// spell returns the name of a constant, or its number where it has none.
func spell(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return strconv.Itoa(int(i))
}

// Effect is something the caller has to do.
type Effect struct {
	Verb   Verb
	Reason Reason
	Rev    Revision
	To     Revision
}
