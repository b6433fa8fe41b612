// Package events writes down as CloudEvents 1.0 what a bridge tells others of: in
// the binary mode of Kafka and AMQP, and as one JSON document for webhooks. What
// is in a message, but for its key, is in none of them.
package events

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/store"
)

// Prefix begins the type of every event.
const Prefix = "com.github.brokerbridge."

const (
	specVersion = "1.0"
	contentType = "application/json"
	// Structured is the content type of [Event.JSON].
	Structured = "application/cloudevents+json"

	maxError   = 4 << 10 // bytes of an error
	maxSubject = 1 << 10 // bytes of a key that is the subject
)

// Event is one event. Sent again, after a crash, it has the same ID and Source.
type Event struct {
	ID      string
	Source  string
	Type    string
	Subject string // empty: none
	Time    time.Time
	Data    any
}

// Data is what an event of a route says. What does not apply is left out.
type Data struct {
	Route      string `json:"route"`
	Key        string `json:"key,omitempty"`
	KeyBase64  []byte `json:"key_base64,omitempty"` // of a key that is no text
	Epoch      uint32 `json:"epoch,omitempty"`
	Revision   *int64 `json:"revision,omitempty"`
	To         *int64 `json:"to,omitempty"` // of a range: its last revision
	DeadLetter string `json:"dead_letter,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Class      string `json:"class,omitempty"`
	Error      string `json:"error,omitempty"`
	Group      string `json:"group,omitempty"`
	By         string `json:"by,omitempty"`
	Owner      string `json:"owner,omitempty"`
}

// Source is where the events of a route come from.
func Source(storeID, route string) string { return "/brokerbridge/" + storeID + "/routes/" + route }

// Of is what the store has to tell, as an event.
func Of(source, route, owner string, e *store.Event) Event {
	out := Event{
		ID: route + "/" + strconv.FormatUint(e.Seq, 10), Source: source, Type: Prefix + e.Type, Time: e.At,
		Data: DataOf(route, owner, e),
	}
	if len(e.Key) <= maxSubject && isText(e.Key) {
		out.Subject = e.Key
	}
	return out
}

// DataOf is what the store has to tell.
func DataOf(route, owner string, e *store.Event) Data {
	d := Data{
		Route: route, Epoch: e.Epoch, Revision: e.Revision, To: e.To, DeadLetter: e.Dead,
		Reason: e.Reason, Class: e.Class, Error: bounded(e.Error), Group: e.Group, By: e.By, Owner: owner,
	}
	if utf8.ValidString(e.Key) {
		d.Key = e.Key
	} else {
		d.KeyBase64 = []byte(e.Key)
	}
	return d
}

// isText reports whether a key can be an attribute.
func isText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

func bounded(s string) string {
	if len(s) > maxError {
		s = s[:maxError]
	}
	return strings.ToValidUTF8(s, "")
}

// attributes are all but the data, in the order in which people read them.
func (e *Event) attributes() [][2]string {
	all := [][2]string{
		{"specversion", specVersion},
		{"id", e.ID},
		{"source", e.Source},
		{"type", e.Type},
		{"time", e.Time.UTC().Format(time.RFC3339Nano)},
	}
	if e.Subject != "" {
		all = append(all, [2]string{"subject", e.Subject})
	}
	return all
}

// Kafka is the event in the binary mode of the Kafka binding.
func (e *Event) Kafka() (*message.Message, error) {
	m, err := e.message("ce_")
	if err != nil {
		return nil, err
	}
	m.Metadata["content-type"] = contentType
	return m, nil
}

// AMQP is the event in the binary mode of the AMQP binding; the content type is a
// property. sidecar is the metadata by which properties are set.
func (e *Event) AMQP(sidecar string) (*message.Message, error) {
	m, err := e.message("cloudEvents:")
	if err != nil {
		return nil, err
	}
	m.Metadata[sidecar] = `{"content-type":"` + contentType + `"}`
	return m, nil
}

func (e *Event) message(prefix string) (*message.Message, error) {
	body, err := json.Marshal(e.Data)
	if err != nil {
		return nil, err
	}
	m := message.NewMessage(e.ID, body)
	for _, a := range e.attributes() {
		m.Metadata[prefix+a[0]] = a[1]
	}
	return m, nil
}

// JSON is the event in structured mode.
func (e *Event) JSON() ([]byte, error) {
	doc := map[string]any{"datacontenttype": contentType, "data": e.Data}
	for _, a := range e.attributes() {
		doc[a[0]] = a[1]
	}
	return json.Marshal(doc)
}
