package store

import "time"

// Event is something that others are told of. It is stored with what it tells of,
// and kept until it was sent.
type Event struct {
	Seq      uint64    `json:"-"`    // within the route, rising; given by the store
	Type     string    `json:"type"` // dead_letter, skip, quarantine, discard, …
	At       time.Time `json:"at"`
	Key      string    `json:"key,omitempty"`
	Epoch    uint32    `json:"epoch,omitempty"`
	Revision *int64    `json:"revision,omitempty"`
	To       *int64    `json:"to,omitempty"` // of a range: its last revision
	Dead     string    `json:"dead_letter,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Class    string    `json:"class,omitempty"`
	Error    string    `json:"error,omitempty"`
	By       string    `json:"by,omitempty"`
	Group    string    `json:"group,omitempty"` // the fingerprint
	// Reply is who asked to be told that his message failed.
	Reply *Reply `json:"reply,omitempty"`
}

// Reply is where the sender of a message wants an answer.
type Reply struct {
	To            string `json:"to"`
	CorrelationID string `json:"correlation_id,omitempty"`
	MessageID     string `json:"message_id,omitempty"`
}
