// Package api is what the admin API says: the JSON that the server writes, the
// client reads and anybody's scripts may rely on.
//
// Fields are added, never renamed or given another meaning. Times are RFC 3339
// in UTC. What is absent is unknown or does not apply.
package api

import (
	"time"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/bridge/status"
)

// Error is the answer to a request that failed, as {"error": {…}}.
type Error struct {
	Code    string `json:"code"` // one word for programs, see the constants
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do about it
}

// The codes of an [Error].
const (
	BadHost           = "bad_host"
	BadRequest        = "bad_request"
	CrossOrigin       = "cross_origin"
	MethodNotAllowed  = "method_not_allowed"
	NotFound          = "not_found"
	Unauthorized      = "unauthorized"       // no token, or one that is not known
	Forbidden         = "forbidden"          // a token without the role that is needed
	LockedOut         = "locked_out"         // too many wrong tokens came from the same address
	ReadOnly          = "read_only"          // this bridge takes no changes
	PayloadsForbidden = "payloads_forbidden" // this is for who sees payloads in full
	UnknownRoute      = "unknown_route"
	UnknownDeadLetter = "unknown_dead_letter"
	UnknownKey        = "unknown_key"
	Busy              = "busy" // the API: too many requests
	Timeout           = "timeout"
	StoreFailed       = "store_failed"
)

// The codes of an [Error] by which a change is refused. Nothing was changed.
const (
	Passed     = "passed"      // later revisions were delivered already: out_of_order sends it all the same
	Refused    = "refused"     // it would be refused again for what it is: out_of_order sends it all the same
	NotBlocked = "not_blocked" // the key does not wait for that
	NotALetter = "not_a_letter"
	KeyBusy    = "key_busy"    // the key is being moved right now
	TooFar     = "too_far"     // skip: past something that is there, or further than max_jump
	NotRunning = "not_running" // the route is paused, or starts

	OffsetNotAccepted = "offset_not_accepted" // resume: the offsets of the source have to be accepted
)

// Error is the message, with the hint in brackets.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// Failure is the envelope of an [Error].
type Failure struct {
	Error *Error `json:"error"`
}

// Page is part of a list. Next, where there may be more, is the path and query
// of the page behind it. It never breaks on a key that is no text, which is why
// following it beats building it.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Live is the answer of /livez.
type Live struct {
	Alive  bool   `json:"alive"`
	Reason string `json:"reason,omitempty"` // why it is not
}

// Ready is the answer of /readyz. Routes are those that are not ready, or all of
// them with ?verbose.
type Ready struct {
	Ready  bool     `json:"ready"`
	Routes []Health `json:"routes"`
	// Excluded are the routes that were left out of Ready, as was asked for.
	Excluded []string `json:"excluded,omitempty"`
}

// Health is how a route is doing, without its counts.
type Health struct {
	Name    string       `json:"name"`
	Ready   bool         `json:"ready"`
	State   status.State `json:"state"`
	Reason  string       `json:"reason,omitempty"`
	Since   time.Time    `json:"since,omitzero"`
	Sources []status.End `json:"sources"`
	Target  status.End   `json:"target"`
	Breaker string       `json:"breaker"`
	// Alarms are limits of the topology file that are reached. A route with one
	// moves messages all the same.
	Alarms []status.Alarm `json:"alarms,omitempty"`
}

// Bytes are bytes of a message, as text where they are text.
type Bytes struct {
	Size      int     `json:"size"`             // of all, in bytes
	Text      *string `json:"text,omitempty"`   // if they are UTF-8
	Base64    []byte  `json:"base64,omitempty"` // if they are not
	Truncated bool    `json:"truncated,omitempty"`
	Null      bool    `json:"null,omitempty"`   // there are none, which differs from empty
	Masked    bool    `json:"masked,omitempty"` // *** stands for values that the caller may not see
	Hidden    string  `json:"hidden,omitempty"` // why nothing is here, though there is something
}

// NewBytes shows up to limit bytes of b; a rune is not torn apart.
func NewBytes(b []byte, limit int) Bytes {
	out := Bytes{Size: len(b), Null: b == nil, Truncated: len(b) > limit}
	isText := utf8.Valid(b)
	if out.Truncated {
		for b = b[:limit]; isText && !utf8.Valid(b); {
			b = b[:len(b)-1]
		}
	}
	switch {
	case out.Null:
	case isText:
		text := string(b)
		out.Text = &text
	default:
		out.Base64 = b
	}
	return out
}

// Raw is what is shown of the bytes, whichever way.
func (b Bytes) Raw() []byte {
	if b.Text != nil {
		return []byte(*b.Text)
	}
	return b.Base64
}

// Header is one header of a message. A name that is no text is shown in Name as far
// as possible and comes whole in NameBase64.
type Header struct {
	Name       string `json:"name"`
	NameBase64 []byte `json:"name_base64,omitempty"`
	Value      Bytes  `json:"value"`
}

// NewHeader shows a header, and up to limit bytes of its value.
func NewHeader(name, value string, limit int) Header {
	return Header{Name: name, NameBase64: notText(name), Value: NewBytes([]byte(value), limit)}
}

// RawName is the name itself.
func (h Header) RawName() string { return rawText(h.Name, h.NameBase64) }

// notText are the bytes of a text that JSON cannot hold; nil: it can.
func notText(s string) []byte {
	if utf8.ValidString(s) {
		return nil
	}
	return []byte(s)
}

func rawText(text string, bytes []byte) string {
	if bytes != nil {
		return string(bytes)
	}
	return text
}

// KeyName is a message key. JSON holds text only, so a key that is none is shown
// in Text as far as possible and comes whole in Base64.
type KeyName struct {
	Text   string `json:"key"`
	Base64 []byte `json:"key_base64,omitempty"`
}

// NewKeyName shows a key.
func NewKeyName(key string) KeyName {
	return KeyName{Text: key, Base64: notText(key)}
}

// Raw is the key itself.
func (k KeyName) Raw() string { return rawText(k.Text, k.Base64) }

// MessageName is the id of a message, in the same way.
type MessageName struct {
	MessageID     string `json:"message_id,omitempty"`
	MessageBase64 []byte `json:"message_id_base64,omitempty"`
}

// NewMessageName shows an id.
func NewMessageName(id string) MessageName {
	return MessageName{MessageID: id, MessageBase64: notText(id)}
}

// RawID is the id itself.
func (m MessageName) RawID() string { return rawText(m.MessageID, m.MessageBase64) }
