package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"time"
)

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
	Target string // the dead letter's id, the operation's, or the revisions: "4" or "4-9"
	Reason string // as the operator gave it
	Count  int64  // how many messages it concerned; 0: one, or none can be named
	// Hash chains the rows: see [Audit.Sum]. Given by the store.
	Hash AuditHash
}

// AuditHash is a SHA-256.
type AuditHash [sha256.Size]byte

// Sum is the hash of a row behind a row: whoever alters one, or takes one out,
// has to alter all behind it. It covers every field, each with its length.
func (a *Audit) Sum(before AuditHash) AuditHash {
	h := sha256.New()
	number := func(n uint64) { _, _ = h.Write(binary.BigEndian.AppendUint64(nil, n)) } // a hash takes everything
	_, _ = h.Write(before[:])
	number(a.Seq)
	number(uint64(a.At.UnixNano()))
	number(uint64(a.Epoch))
	number(uint64(a.Count))
	for _, text := range [...]string{a.Route, a.By, a.Action, a.Key, a.Target, a.Reason} {
		number(uint64(len(text)))
		_, _ = h.Write([]byte(text))
	}
	return AuditHash(h.Sum(nil))
}

// VerifyAudits follows the chain of all audit rows and returns the number and
// hash of the last. The error names the first row that is not what was written, or
// that is missing.
func VerifyAudits(rows iter.Seq2[Audit, error]) (seq uint64, head AuditHash, err error) {
	for a, err := range rows {
		if err != nil {
			return seq, head, err
		}
		if a.Seq != seq+1 {
			return seq, head, fmt.Errorf("store: audit row %d is missing", seq+1)
		}
		if a.Hash != a.Sum(head) {
			return seq, head, fmt.Errorf("store: audit row %d is not what was written, or a row before it is not", a.Seq)
		}
		seq, head = a.Seq, a.Hash
	}
	return seq, head, nil
}

// AuditQuery selects audit rows.
type AuditQuery struct {
	Route string // only of this route; empty: of all routes
	Key   string // only about this key; empty: all
	After uint64 // only behind this Seq
	// Before is only before this Seq; 0: all. Newest shows the last ones first.
	Before uint64
	Newest bool
	Limit  int // 0: no limit
}

// Within reports whether a row is one of those that are continued with.
func (q *AuditQuery) Within(seq uint64) bool {
	return seq > q.After && (q.Before == 0 || seq < q.Before)
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
