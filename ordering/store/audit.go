package store

import "time"

// Audit is one thing that an operator did to a route, kept for ever. Seq and
// Route are given by the store; the rest is in the [Change] that did it, so that
// nothing is done unseen and nothing is recorded that was not done.
type Audit struct {
	Seq    uint64 // within the store, rising by one
	Route  string
	At     time.Time
	By     string // who: the name of a token, or of the local user
	Action string // redrive, discard, skip, release, accept_offset, …
	Key    string
	Epoch  uint32
	Target string // the dead letter's id, or the revisions: "4" or "4-9"
	Reason string // as the operator gave it
}

// AuditQuery selects audit rows.
type AuditQuery struct {
	Route string // only of this route; empty: of all routes
	Key   string // only about this key; empty: all
	After uint64 // continue behind this Seq
	Limit int    // 0: no limit
}

// Position is how far the consumer group of a route has come in a partition of
// a Kafka topic. Rows are by route, topic id and partition.
type Position struct {
	Topic     string
	TopicID   [16]byte
	Partition int32
	Next      int64 // nothing at or above it was ever committed
	Committed int64 // the last offset whose commit Kafka has confirmed
}
