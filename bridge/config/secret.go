package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
)

// redacted is what a secret prints as.
const redacted = "[redacted]"

// Secret is a text that prints as [redacted] wherever it is formatted,
// marshalled or logged. The value is behind a pointer, because package fmt
// cannot ask an unexported field of somebody else's struct for its method and
// would print its bytes.
//
// What the topology file takes from other files, as ${file:path}, may change
// while the bridge runs: Fresh reads it again. Variables of the environment
// cannot change in a process that runs.
type Secret struct{ value *value }

type value struct {
	again func() (string, error) // nil: it does not change

	mu   sync.Mutex
	text *string // the last good one; behind a pointer for the same reason
}

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret { return Secret{&value{text: &text}} }

// NewFreshSecret makes a secret of a text that may change: again returns what it is
// now, or why that is not known, in words without the secret.
func NewFreshSecret(text string, again func() (string, error)) Secret {
	return Secret{&value{text: &text, again: again}}
}

// Reveal returns the text as it was last read. It is for the client that logs in
// with it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	s.value.mu.Lock()
	defer s.value.mu.Unlock()
	return *s.value.text
}

// Fresh reads the text again and returns it. If that fails, or what is there
// cannot be right, it returns the last good text and an error that says why; the
// error does not hold the secret.
func (s Secret) Fresh() (string, error) {
	if s.value == nil || s.value.again == nil {
		return s.Reveal(), nil
	}
	s.value.mu.Lock()
	defer s.value.mu.Unlock()
	text, err := s.value.again()
	if err == nil {
		s.value.text = &text
	}
	return *s.value.text, err
}

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Redacted is what may be shown: scheme, host and path of an AMQP URL, without
// user, password and query; for anything else [redacted].
func (s Secret) Redacted() string {
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Host == "" || (u.Scheme != "amqp" && u.Scheme != "amqps") {
		return redacted
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// String returns [redacted].
func (s Secret) String() string { return redacted }

// GoString returns [redacted].
func (s Secret) GoString() string { return redacted }

// Format writes [redacted] for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalJSON returns "[redacted]".
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalText returns [redacted].
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalYAML returns [redacted].
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }

// LogValue returns [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
