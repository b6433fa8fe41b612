package console

import (
	"encoding/base64"
	"html/template"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// keyWords are the functions of the pages about keys, the audit and search.
var keyWords = template.FuncMap{
	"keytext": keyText, "shortkey": shortKey, "keypath": keyPath, "asText": asText, "base64": inBase64,
	"state": stateOf, "runsays": runSays, "awaits": awaits, "fromto": revisions,
	"searchfor": searchFor, "hitpath": hitPath, "hitkind": hitKind, "searchwords": func() []searchWord { return searchWords }, "add": add,
	"auditpath": auditPath, "shortid": shortID,
}

func add(a, b int) int { return a + b }

// keyText is a key as one line, whatever its bytes.
func keyText(key string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(printable(key))
}

// shortest is how much of a long key a list shows, in characters.
const shortest = 64

// shortKey is a key for a list: of a long one, how it begins and ends.
func shortKey(key string) string {
	text := []rune(keyText(key))
	if len(text) <= shortest {
		return string(text)
	}
	return string(text[:shortest-16]) + "…" + string(text[len(text)-15:])
}

// asText reports whether a field of a form brings a key back as it was.
func asText(key string) bool { return utf8.ValidString(key) && keyText(key) == key }

func inBase64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// keyOf is the key that an address names: as text, or in base64 where a form could
// not bring the text back.
func keyOf(v url.Values) string {
	if raw, err := base64.RawURLEncoding.DecodeString(v.Get("key64")); err == nil && len(raw) > 0 {
		return string(raw)
	}
	return v.Get("key")
}

// runWords say what the runs of a line are.
var runWords = map[string]string{
	"settled": "came to their end: delivered, or given up by a rule or by somebody",
	"skipped": "the key went on without them, which is on record",
	"gap":     "have not come",
	"parked":  "kept in the store until it is their turn",
	"held":    "kept in memory until it is their turn; the broker has them still",
	"dead":    "given up after its tries: a dead letter",
	"next":    "awaited: delivered as soon as it comes",
	"more":    "several runs, drawn as one",
}

func runSays(state string) string { return runWords[state] }

// awaits are the revisions that keep a lane: of a gap those that are missing, else
// the next.
func awaits(l api.Lane) *api.Range {
	if l.Next == nil {
		return nil
	}
	r := &api.Range{From: *l.Next, To: *l.Next}
	if (l.State == "gap" || l.State == "gap_blocked") && l.Lowest != nil {
		r.To = max(r.To, *l.Lowest-1)
	}
	return r
}

// revisions are revisions in words: "4", or "4 to 9".
func revisions(from, to int64) string {
	if from == to {
		return count(from)
	}
	return count(from) + " to " + count(to)
}
