package broker

import "errors"

// What a source or target reports through State, for errors.Is.
var (
	// ErrElsewhere: someone else reads the source of an ordered route.
	ErrElsewhere = errors.New("state_elsewhere")
	// ErrMissing: the queue or topic does not exist.
	ErrMissing = errors.New("does not exist")
)
