// Package disk says what a directory lies on.
package disk

// Disk is what a directory lies on.
type Disk struct {
	Free     int64  // bytes, for this user
	Kind     string // such as tmpfs; empty: one that is not known
	Volatile bool   // it is memory
}
