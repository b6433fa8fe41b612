package ordering

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cespare/xxhash/v2"
	"github.com/tidwall/gjson"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// ID says which lane a message belongs to and where in it.
type ID struct {
	Key      string
	Epoch    uint32
	Revision lane.Revision
}

// The reasons for which a message cannot be identified. They are those of dead
// letters.
const (
	ReasonKeyMissing      = "key_missing"
	ReasonKeyInvalid      = "key_invalid"
	ReasonRevisionMissing = "revision_missing"
	ReasonRevisionInvalid = "revision_invalid"
	ReasonUndecodable     = "undecodable"
	ReasonForeign         = "foreign" // somebody else gave it up: see GivenUpError
	ReasonPanic           = "panic"   // what reads it panics
)

// OnlyKey is the key of all messages where none is read from them.
const OnlyKey = "(all)"

// MaxKey is the longest key, in bytes.
const MaxKey = 4096

// IdentifyError says why a message cannot be identified. Such a message becomes
// a dead letter that belongs to no lane.
type IdentifyError struct {
	Reason string
	Err    error
	// Same is what tells the message from every other one, whenever it comes. Empty:
	// its id, its key and its payload, so that others that differ in their headers only
	// count as copies of it.
	Same string
}

// Error names the reason and the cause.
func (e *IdentifyError) Error() string { return e.Reason + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *IdentifyError) Unwrap() error { return e.Err }

// GivenUpError says of a message that comes from the source that somebody else gave
// it up: it was taken from a dead-letter queue. It becomes a dead letter that belongs
// to no lane, does not count for [StopAfter], and says nothing against the message:
// when it is redriven, which [Redriven] tells Identify, it can be identified.
type GivenUpError struct {
	Tries store.Tries // what is known of its failures; zero times: now
	// Same is what tells it from every other one, whenever it comes. Empty: its id and
	// its payload.
	Same string
}

// Error names the reason and the cause.
func (e *GivenUpError) Error() string { return ReasonForeign + ": " + e.Tries.Error }

// Field reads one value of a message. Found is false where the message does not
// have it; an error says that it cannot be read.
type Field func(*message.Message) (value string, found bool, err error)

// Header reads a metadata entry.
func Header(name string) Field {
	return func(m *message.Message) (string, bool, error) {
		v, ok := m.Metadata[name]
		return v, ok, nil
	}
}

// JSON reads a value of a JSON body by its path, "customer.id" or "lines.0.sku"
// (the syntax of gjson). A number is taken by its raw text, so that no digit is
// lost; null is not found; objects and arrays cannot be read as a field. Of members
// of the same name the first counts. A body that is nested deeper than 10,000 is none.
func JSON(path string) Field {
	return func(m *message.Message) (string, bool, error) {
		if err := checkJSON(m.Payload); err != nil {
			return "", false, &IdentifyError{Reason: ReasonUndecodable, Err: err}
		}
		switch v := gjson.GetBytes(m.Payload, path); v.Type {
		case gjson.Null:
			return "", false, nil
		case gjson.String:
			return v.Str, true, nil
		case gjson.Number, gjson.True, gjson.False:
			return v.Raw, true, nil
		default:
			return "", true, fmt.Errorf("json.%s is an object or array", path)
		}
	}
}

// By identifies messages by a key, of one field or several joined, and a
// revision. Revision may be nil where Config.Order is not [ByRevision], and Key
// as well: all messages are of one key then. Epoch may be nil: all messages are of
// epoch 0.
type By struct {
	Key      []Field
	Revision Field
	Epoch    Field
}

// Identify reads a message's ID. Its errors are of type [*IdentifyError].
func (b By) Identify(m *message.Message) (ID, error) {
	key, err := b.key(m)
	if err != nil {
		return ID{}, err
	}
	id := ID{Key: key}
	if b.Revision != nil {
		rev, err := number(m, b.Revision, math.MaxInt64)
		if err != nil {
			return id, err
		}
		id.Revision = lane.Revision(rev)
	}
	if b.Epoch == nil {
		return id, nil
	}
	epoch, err := number(m, b.Epoch, math.MaxUint32)
	if err != nil {
		return ID{Key: key}, err
	}
	id.Epoch = uint32(epoch)
	return id, nil
}

// key reads the key's fields. Several are joined as a JSON array of strings, so
// that ("a", "b,c") and ("a,b", "c") stay different keys.
func (b By) key(m *message.Message) (string, error) {
	switch len(b.Key) {
	case 0:
		return OnlyKey, nil
	case 1:
		return part(m, b.Key[0])
	}
	parts := make([]string, len(b.Key))
	for i, f := range b.Key {
		p, err := part(m, f)
		if err != nil {
			return "", err
		}
		parts[i] = p
	}
	joined, err := json.Marshal(parts)
	if err == nil && len(joined) > MaxKey {
		err = fmt.Errorf("%d bytes, the limit is %d", len(joined), MaxKey)
	}
	if err != nil {
		return "", &IdentifyError{Reason: ReasonKeyInvalid, Err: err}
	}
	return string(joined), nil
}

// part reads one field of a key.
func part(m *message.Message, f Field) (string, error) {
	v, found, err := f(m)
	switch {
	case err != nil:
		return "", because(ReasonKeyInvalid, err)
	case !found || v == "":
		return "", &IdentifyError{Reason: ReasonKeyMissing, Err: errors.New("the message has no key")}
	case len(v) > MaxKey:
		return "", &IdentifyError{Reason: ReasonKeyInvalid, Err: fmt.Errorf("%d bytes, the limit is %d", len(v), MaxKey)}
	}
	return v, nil
}

// number reads a revision or an epoch.
func number(m *message.Message, f Field, limit uint64) (uint64, error) {
	v, found, err := f(m)
	switch {
	case err != nil:
		return 0, because(ReasonRevisionInvalid, err)
	case !found || v == "":
		return 0, &IdentifyError{Reason: ReasonRevisionMissing, Err: errors.New("the message has no revision")}
	}
	n, err := digits(v, limit)
	if err != nil {
		return 0, &IdentifyError{Reason: ReasonRevisionInvalid, Err: err}
	}
	return n, nil
}

// digits parses ASCII digits and nothing else: no sign, no blank, no point.
func digits(v string, limit uint64) (uint64, error) {
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return 0, fmt.Errorf("%s is not a whole number", quoted(v))
		}
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil || n > limit {
		return 0, fmt.Errorf("%s is above %d", quoted(v), limit)
	}
	return n, nil
}

// quoted shows a value in an error: short, and safe to print.
func quoted(v string) string {
	const most = 40
	if len(v) > most {
		v = strings.ToValidUTF8(v[:most], "") + "…"
	}
	return strconv.QuoteToASCII(v)
}

// because keeps the reason an error brought, or gives it one.
func because(reason string, err error) error {
	var known *IdentifyError
	if errors.As(err, &known) {
		return known
	}
	return &IdentifyError{Reason: reason, Err: err}
}

// Body is the fingerprint by which copies are told from conflicts by default:
// xxHash64 of the body, with null and empty kept apart.
func Body(m *message.Message) lane.Print {
	if m.Payload == nil {
		return 1
	}
	return Fingerprint(xxhash.Sum64(m.Payload))
}

// Text is a fingerprint of one field.
func Text(f Field) func(*message.Message) lane.Print {
	return func(m *message.Message) lane.Print {
		v, found, err := f(m)
		if err != nil || !found {
			return 1
		}
		return Fingerprint(xxhash.Sum64String(v))
	}
}

// Always takes two messages with the same revision for the same message.
func Always(*message.Message) lane.Print { return 1 }

// Fingerprint makes a hash a valid print: 0 means unknown, 1 stands for null.
func Fingerprint(h uint64) lane.Print {
	if h < 2 {
		h += 2
	}
	return lane.Print(h)
}
