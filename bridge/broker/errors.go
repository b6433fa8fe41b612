package broker

import "errors"

// What a source or target reports through State, for errors.Is. The texts are
// the reasons that operators and programs read first.
var (
	// ErrElsewhere: someone else reads the source of an ordered route.
	ErrElsewhere = errors.New("state_elsewhere")
	// ErrMissing: the queue, exchange or topic does not exist.
	ErrMissing = errors.New("does not exist")
	// ErrRewound: the offset was set back behind what the route has settled.
	ErrRewound = errors.New("offset_rewound")
	// ErrTruncated: messages that were not taken yet are gone from the source.
	ErrTruncated = errors.New("source_truncated")
	// ErrRecreated: the topic is another one than that of the route's positions.
	ErrRecreated = errors.New("topic_recreated")
	// ErrBlocked: the broker is there and takes no messages for now, for want of
	// memory or disk.
	ErrBlocked = errors.New("blocks publishers")
)
