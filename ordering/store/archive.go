package store

import "time"

// Archived is a dead letter that an operator put away. It blocks nothing, and can
// be restored.
type Archived struct {
	DeadLetter
	ArchivedAt time.Time
	By         string // who put it away
	Why        string
	// Original says that this is what a dead letter was before it was edited, and
	// names that dead letter. It counts nowhere.
	Original string
}
