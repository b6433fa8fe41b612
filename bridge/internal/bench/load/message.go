package load

import (
	"encoding/binary"
	"strconv"
	"time"
)

// The headers that have a message's revision, and the routing key it is given for
// a target that is an exchange.
const (
	RevisionHeader = "revision"
	WayHeader      = "way"
)

// MinSize is the room that a body needs for its number and its moment.
const MinSize = 16

// Message is one that is sent.
type Message struct {
	Number   int // by which it is known, whatever becomes of its headers
	Key      string
	Revision int64
	Way      string // for a target that is an exchange; "": no such header
	Size     int    // of the body
}

// body begins with the number and the moment. The rest is no run of one byte,
// which compression would make nothing of.
func (m Message) body(at time.Time) []byte {
	body := make([]byte, m.Size)
	for i := range body {
		body[i] = byte(m.Number + i)
	}
	binary.BigEndian.PutUint64(body, uint64(m.Number))
	binary.BigEndian.PutUint64(body[8:], uint64(at.UnixNano()))
	return body
}

func (m Message) id() string       { return strconv.Itoa(m.Number) }
func (m Message) revision() string { return strconv.FormatInt(m.Revision, 10) }

// Arrival is a message at its target.
type Arrival struct {
	Number int
	Due    time.Time // when it was to be sent
	At     time.Time
}

func arrival(body []byte, at time.Time) Arrival {
	return Arrival{
		Number: int(binary.BigEndian.Uint64(body)),
		Due:    time.Unix(0, int64(binary.BigEndian.Uint64(body[8:]))),
		At:     at,
	}
}
