package console

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A form sends text: it would change a key or an id that is none, and line ends.
// Such a value goes under a name of its own, as base64 that fits into an address.

// spelledNames are what may be any bytes.
var spelledNames = []string{"id", "key"}

const spelledSuffix = "64"

// sent is a value that a form sends and nobody sees.
type sent struct{ Name, Value string }

// spell is how a form sends a value.
func spell(name, value string) sent {
	if !slices.Contains(spelledNames, name) || utf8.ValidString(value) && !strings.ContainsFunc(value, unicode.IsControl) {
		return sent{name, value}
	}
	return sent{name + spelledSuffix, base64.RawURLEncoding.EncodeToString([]byte(value))}
}

// spelled undoes spell: the values under their own names. What cannot be undone is
// left out, and then missed.
func spelled(q url.Values) url.Values {
	for _, name := range spelledNames {
		for _, text := range q[name+spelledSuffix] {
			if raw, err := base64.RawURLEncoding.DecodeString(text); err == nil {
				q.Add(name, string(raw))
			}
		}
		q.Del(name + spelledSuffix)
	}
	return q
}

// sentOf are values as a form sends them.
func sentOf(q url.Values) (all []sent) {
	for _, name := range sortedKeys(q) {
		for _, value := range q[name] {
			all = append(all, spell(name, value))
		}
	}
	return all
}
