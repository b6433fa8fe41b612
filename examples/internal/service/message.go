package service

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"
)

// Message is what services send each other.
type Message struct {
	// ID is the same each time this message is sent: order.from.to.revision.
	ID string
	// Order and From, who sends it, are the key. Revision counts from 1, without
	// gaps, what From has sent to one place about this order.
	Order, From string
	Revision    int
	Kind        string // what it says: "charge", "charged"
	Body        json.RawMessage
}

// New makes a message with its id.
func New(from, to, order, kind string, revision int, body any) (Message, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return Message{}, fmt.Errorf("write the body of %s: %w", kind, err)
	}
	id := fmt.Sprintf("%s.%s.%s.%d", order, from, to, revision)
	return Message{ID: id, Order: order, From: from, Revision: revision, Kind: kind, Body: text}, nil
}

// Read reads the body.
func (m Message) Read(into any) error {
	if err := json.Unmarshal(m.Body, into); err != nil {
		return fmt.Errorf("read the body of %s: %w", m.ID, err)
	}
	return nil
}

// Encode makes it a Watermill message.
func (m Message) Encode() *message.Message {
	out := message.NewMessage(m.ID, message.Payload(m.Body))
	out.Metadata = message.Metadata{"order": m.Order, "from": m.From, "revision": strconv.Itoa(m.Revision), "kind": m.Kind}
	return out
}

func decode(m *message.Message) (Message, error) {
	revision, err := strconv.Atoi(m.Metadata["revision"])
	return Message{
		ID: m.UUID, Order: m.Metadata["order"], From: m.Metadata["from"], Revision: revision,
		Kind: m.Metadata["kind"], Body: json.RawMessage(m.Payload),
	}, err
}
