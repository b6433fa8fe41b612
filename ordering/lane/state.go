package lane

import (
	"fmt"
	"math"
	"time"
)

// Revision is a message's place within its key: 0 to 2^63−1, without gaps.
type Revision int64

// MaxRevision is the highest revision a message may carry. It is one below the
// largest int64, so that the revision after it can still be written down.
const MaxRevision Revision = math.MaxInt64 - 1

// Print is a fingerprint of a message's content, by which a copy is told from
// another message with the same revision. Zero means unknown.
type Print uint64

// Mode says what a lane is doing.
type Mode uint8

// The modes of a lane. The zero value is a lane that flows.
const (
	Flowing     Mode = iota // the next revision leaves as soon as it is there
	Adopting                // new and without a first revision: waits for the lowest
	Gap                     // something waits, the next revision has not come
	Waiting                 // the next revision failed and pauses before its next try
	Quarantined             // the next revision is a dead letter; successors park
	GapBlocked              // the gap's time is over; successors park until it fills
	Locked                  // a later epoch that has not been released yet
)

var modeNames = [...]string{"flowing", "adopting", "gap", "waiting", "quarantined", "gap_blocked", "locked"}

// String is the mode as operators read it.
func (m Mode) String() string { return spell(modeNames[:], uint8(m)) }

// Resolve says what becomes of a gap that lasted too long, or of a dead letter.
type Resolve uint8

// The ways to go on. Quarantine, the zero value, is for both; Wait and Skip are
// for gaps, Continue and Stop for dead letters.
const (
	Quarantine Resolve = iota // block this lane, park what follows
	Wait                      // a gap: wait for ever
	Skip                      // a gap: go on without it, recorded
	Continue                  // a dead letter: go on behind it
	Stop                      // a dead letter: stop the route
)

// Rules are a route's settings, shared by its lanes and never changed while
// they are in use.
type Rules struct {
	First     Revision // the first revision of every key; unused with Adopt
	Adopt     bool     // a new lane starts at the lowest revision seen within AdoptAfter
	OnGap     Resolve  // Wait, Skip or Quarantine
	OnFailure Resolve  // Quarantine, Continue or Stop

	Hold       time.Duration // how long a message waits in memory before it is parked; 0: park at once
	GapTimeout time.Duration // how long a gap may last before OnGap applies
	AdoptAfter time.Duration // how long a new lane gathers before it adopts
	MaxJump    Revision      // a revision further than this above the highest known is implausible
	MaxAhead   Revision      // how many revisions may be published ahead of the commit; at least 1
	MaxHeld    int           // how many messages a busy lane holds in memory before it parks; at least 1

	// FromHead parks a message only with or behind all before it: the revisions are
	// the order of arrival, and what is not stored gets others after a crash.
	FromHead bool
	// HeadStays is for FromHead: the head cannot be parked while it is delivered, so
	// that what is behind it is held as long.
	HeadStays bool
}

// prints is how many fingerprints of settled revisions a lane keeps.
const prints = 16

// State is all of a lane that has to survive a crash. Its zero value is not a
// new lane: see [Fresh].
//
// Invariants, checked by [State.Valid]: Base ≤ Next; Highest ≥ Next−1; Lowest is
// 0 where nothing is parked, else at least Next, and above it in a quarantine,
// where Next is a dead letter; Aside ≤ Parked; Base and Next are −1 until a lane
// has adopted its first revision; Blocked is set in a quarantine only.
type State struct {
	Base    Revision // the first revision this lane ever expected
	Next    Revision // the checkpoint: all below is settled, skipped or given up
	Highest Revision // the highest revision settled or plausibly parked
	Lowest  Revision // the lowest parked one, where Parked > 0
	Parked  int      // how many messages are parked
	Aside   int      // how many of those, at most, are implausibly far above a new lane
	Skips   int      // how many skipped ranges the store holds for this lane
	Mode    Mode
	Suspect bool // the first revision came again with other content
	Reborn  bool // the first two did: the record was created anew

	First   [2]Print      // of Base and Base+1
	Recent  [prints]Print // of the last settled revisions, at index revision mod 16
	Blocked Print         // of Next, while it is a dead letter
}

// Valid reports the first invariant that does not hold, or nil.
func (s *State) Valid() error {
	switch {
	case s.Next < s.Base:
		return fmt.Errorf("next %d is below base %d", s.Next, s.Base)
	case s.Highest < s.Next-1:
		return fmt.Errorf("highest %d is below next %d", s.Highest, s.Next)
	case s.Mode == Adopting && s.Next >= 0, s.Mode != Adopting && s.Mode != Locked && s.Next < 0:
		return fmt.Errorf("next %d in mode %s", s.Next, s.Mode)
	case s.Blocked != 0 && s.Mode != Quarantined:
		return fmt.Errorf("a dead letter's content in mode %s", s.Mode)
	}
	return s.validCounts()
}

// validCounts is Valid for what is parked and skipped.
func (s *State) validCounts() error {
	switch {
	case s.Parked < 0 || s.Aside < 0 || s.Skips < 0:
		return fmt.Errorf("negative count: parked %d, aside %d, skips %d", s.Parked, s.Aside, s.Skips)
	case s.Parked > 0 && s.Lowest < s.Next:
		return fmt.Errorf("parked %d is below next %d", s.Lowest, s.Next)
	case s.Parked == 0 && s.Lowest != 0:
		return fmt.Errorf("lowest is %d, but nothing is parked", s.Lowest)
	case s.Parked > 0 && s.Mode == Quarantined && s.Lowest == s.Next:
		return fmt.Errorf("%d is both parked and a dead letter", s.Next)
	case s.Aside > s.Parked:
		return fmt.Errorf("%d set aside of %d parked", s.Aside, s.Parked)
	}
	return nil
}

// print returns the fingerprint known of a settled revision, zero if none is.
func (s *State) print(r Revision) Print {
	switch {
	case r >= s.Next:
		return 0
	case r >= s.Next-prints:
		return s.Recent[r%prints]
	case r == s.Base || r == s.Base+1:
		return s.First[r-s.Base]
	}
	return 0
}

// remember keeps the fingerprint of a revision that is being settled.
func (s *State) remember(r Revision, p Print) {
	s.Recent[r%prints] = p
	if r-s.Base < 2 {
		s.First[r-s.Base] = p
	}
}

// forget clears what is known of the revisions from r up to and including to.
func (s *State) forget(r, to Revision) {
	if to-r >= prints {
		r = to - prints + 1
	}
	for ; r <= to; r++ {
		s.remember(r, 0)
	}
}
