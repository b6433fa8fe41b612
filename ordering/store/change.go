package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// Change is what is stored together. Its zero parts change nothing.
type Change struct {
	Key     Key
	Version uint64 // of the record it was built on; the stored one becomes Version+1. Unused without Record
	// Record with an empty Key.Name is the route's own: it has a version like a
	// lane's, so that a commit of unknown outcome is not counted twice, and Lanes
	// does not yield it.
	Record *Record         // the lane's new state, its Key and Version unused; nil: only dead letters and the ledger
	Park   []Message       // one whose revision is parked is replaced
	Unpark []lane.Revision // applied after Park; one that is not parked changes nothing
	Skip   []Skip          // by From; the ranges of a lane do not overlap
	Dead   []DeadLetter    // their Route is the change's; one with a known id replaces it
	Gone   []string        // ids of dead letters that are settled; applied before Dead
	Audit  []Audit         // what an operator did, appended
	// Mirrored are dead letters of which there is a copy elsewhere now; applied
	// before Gone and Dead. One that is not there, or was written again since, is
	// not marked.
	Mirrored []Mirrored
	Seen     []Sighting // remembered
	// Archive are dead letters that are put away; one with a known id is replaced.
	// Restore are ids of those that leave the archive, applied before Archive. The
	// dead letters themselves are in Gone and Dead.
	Archive []Archived
	Restore []string
	// Operations replace those with their ids. Those whose ids are in Over are
	// forgotten before.
	Over       []string
	Operations []Operation
	// Close are skipped ranges, by From, that an operator has seen to; applied after
	// Skip. One that is not open changes nothing.
	Close []lane.Revision
	// Events are to be sent; those up to Sent were and are forgotten.
	Events []Event
	Sent   uint64
	Ledger Ledger // added to the route's, but for what the store derives
}

// Mirrored names a dead letter as it was when it was copied.
type Mirrored struct {
	ID string
	At time.Time // the dead letter's
}

// Valid reports what makes a change one that no store can take, or nil.
func (c *Change) Valid() error {
	switch {
	case c.Record == nil && len(c.Park)+len(c.Unpark)+len(c.Skip)+len(c.Close) > 0:
		return errors.New("store: a change that parks, unparks, skips or closes needs the lane's record")
	case c.Key.Name == "" && len(c.Park)+len(c.Unpark)+len(c.Skip)+len(c.Close) > 0:
		return errors.New("store: a change that parks, unparks, skips or closes needs a lane")
	}
	if err := c.named(); err != nil || c.Record == nil {
		return err
	}
	if s := &c.Record.State; min(s.Parked, s.Aside, s.Skips) < 0 || s.Mode > lane.Locked {
		return fmt.Errorf("store: not a state to keep: %s, parked %d, aside %d, skips %d", s.Mode, s.Parked, s.Aside, s.Skips)
	}
	return nil
}

// named reports what has no name in a change, or nil.
func (c *Change) named() error {
	for i := range c.Dead {
		if c.Dead[i].ID == "" {
			return errors.New("store: a dead letter needs an id")
		}
	}
	for i := range c.Archive {
		if c.Archive[i].ID == "" {
			return errors.New("store: what is archived needs an id")
		}
	}
	for i := range c.Operations {
		if c.Operations[i].ID == "" {
			return errors.New("store: an operation needs an id")
		}
	}
	for i := range c.Audit {
		if c.Audit[i].Action == "" {
			return errors.New("store: an audit row needs an action")
		}
	}
	return nil
}

// Ledger counts the messages of a route. In a [Change] it holds differences.
//
// Parked, ParkedBytes, Dead, Unmirrored, Kept, OpenSkips and Unsent are derived by
// the store from the rows it really adds, removes and marks, and so are
// ParkedTotal and DeadLettered from those it adds: replacing a row counts nowhere,
// a dead letter that is Gone and Dead again in one change counts again. What a
// Change says of these is ignored.
//
// A dead letter without a lane that replaces one is the same message, delivered
// once more by its source: the store counts it among the Duplicates, because only
// the store knows.
type Ledger struct {
	Delivered    int64 `json:"delivered"`
	Duplicates   int64 `json:"duplicates"`
	Unverified   int64 `json:"duplicates_unverified"` // those of Duplicates whose content could not be compared
	Filtered     int64 `json:"filtered"`              // settled without being published, because the route does not take them
	Discarded    int64 `json:"discarded"`
	Archived     int64 `json:"archived"`
	Purged       int64 `json:"purged"`
	Expired      int64 `json:"expired"`
	Imported     int64 `json:"imported"`
	Redriven     int64 `json:"redriven"`
	DeadLettered int64 `json:"dead_lettered"` // ever, while Dead is now
	ParkedTotal  int64 `json:"parked_total"`  // ever, while Parked is now
	Skipped      int64 `json:"skipped"`       // revisions, not messages
	Restored     int64 `json:"restored"`      // from the archive

	Parked      int64 `json:"parked"`
	ParkedBytes int64 `json:"parked_bytes"`
	Dead        int64 `json:"dead"`
	Unmirrored  int64 `json:"unmirrored"` // those of Dead that were never marked as Mirrored
	Kept        int64 `json:"kept"`       // rows of the archive, originals of what was edited too
	OpenSkips   int64 `json:"open_skips"` // ranges
	Unsent      int64 `json:"unsent"`     // events
}

// Given returns l without what a store derives by itself.
func (l Ledger) Given() Ledger {
	l.DeadLettered, l.ParkedTotal = 0, 0
	l.Parked, l.ParkedBytes, l.Dead, l.Unmirrored = 0, 0, 0, 0
	l.Kept, l.OpenSkips, l.Unsent = 0, 0, 0
	return l
}

// Add returns the sum of two ledgers.
func (l Ledger) Add(d Ledger) Ledger {
	l.Delivered += d.Delivered
	l.Duplicates += d.Duplicates
	l.Unverified += d.Unverified
	l.Filtered += d.Filtered
	l.Discarded += d.Discarded
	l.Archived += d.Archived
	l.Purged += d.Purged
	l.Expired += d.Expired
	l.Imported += d.Imported
	l.Redriven += d.Redriven
	l.DeadLettered += d.DeadLettered
	l.ParkedTotal += d.ParkedTotal
	l.Skipped += d.Skipped
	l.Restored += d.Restored
	l.Parked += d.Parked
	l.ParkedBytes += d.ParkedBytes
	l.Dead += d.Dead
	l.Unmirrored += d.Unmirrored
	l.Kept += d.Kept
	l.OpenSkips += d.OpenSkips
	l.Unsent += d.Unsent
	return l
}
