package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
)

// redacted is what a secret prints as.
const redacted = "[redacted]"

// Secret is a text that prints as [redacted] wherever it is formatted,
// marshalled or logged. The value is behind a pointer, because package fmt
// cannot ask an unexported field of somebody else's struct for its method and
// would print its bytes.
type Secret struct{ value *string }

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text. It is for the client that logs in with it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
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
