package admin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// maxQuery is how long a search may be, in bytes: a key fits, escaped.
const maxQuery = 8 << 10

// maxTerms is how many words it may have.
const maxTerms = 20

// term is one word of a search: all of them must fit what is found.
type term struct {
	field string // empty: a key or an id of any kind
	name  string // of a header
	value string
	at    int // where it begins, in bytes
}

// search is what is looked for.
type search struct {
	terms        []term
	route        string
	since, until time.Time
}

// fields are what may stand before a colon. Other words with a colon are text: keys
// often have one.
var fields = []string{"key", "id", "reason", "group", "route", "error", "header", "since", "until"}

const searchHint = `words are text, or key: id: reason: group: route: error: header:name=value since:2h until:2026-01-31T12:00:00Z; blanks go between "quotes"`

// badQuery says what is wrong with a search, and where.
func badQuery(at int, format string, args ...any) error {
	return &api.Error{
		Code: api.BadRequest, Message: fmt.Sprintf("at character %d of the search: %s", at+1, fmt.Sprintf(format, args...)), Hint: searchHint,
	}
}

// parseSearch reads a search.
func parseSearch(text string, now time.Time) (q search, err error) {
	if len(text) > maxQuery {
		return q, badQuery(maxQuery, "it is too long, the limit is %d bytes", maxQuery)
	}
	for at := skipBlanks(text, 0); at < len(text); at = skipBlanks(text, at) {
		var t term
		if t, at, err = termAt(text, at); err != nil {
			return q, err
		}
		if err := q.add(t, now); err != nil {
			return q, err
		}
	}
	return q, q.check()
}

// check says what is wrong with a search as a whole.
func (q *search) check() error {
	switch {
	case len(q.terms) == 0 && q.route == "" && q.since.IsZero() && q.until.IsZero():
		return badQuery(0, "there is nothing to look for")
	case !q.since.IsZero() && !q.until.IsZero() && !q.since.Before(q.until):
		return badQuery(0, "nothing is since %s and until %s", q.since.Format(time.RFC3339), q.until.Format(time.RFC3339))
	}
	return nil
}

func skipBlanks(text string, at int) int {
	for at < len(text) && isBlank(text[at]) {
		at++
	}
	return at
}

// termAt reads a word, and says where it ends.
func termAt(text string, at int) (t term, end int, err error) {
	t.at = at
	if t.field, at = fieldAt(text, at); t.field == "header" {
		if t.name, at, err = headerName(text, at); err != nil {
			return t, at, err
		}
	}
	t.value, at, err = valueAt(text, at)
	return t, at, err
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// fieldAt is the field of a word, and where its value begins.
func fieldAt(text string, at int) (field string, value int) {
	colon := strings.IndexByte(text[at:], ':')
	if colon < 0 {
		return "", at
	}
	if name := strings.ToLower(text[at : at+colon]); slices.Contains(fields, name) {
		return name, at + colon + 1
	}
	return "", at
}

// headerName is the name in header:name=value.
func headerName(text string, at int) (name string, value int, err error) {
	if at < len(text) && text[at] == '"' {
		if name, value, err = quotedAt(text, at); err != nil {
			return "", at, err
		}
	} else {
		for value = at; value < len(text) && text[value] != '=' && !isBlank(text[value]); value++ {
		}
		name = text[at:value]
	}
	if name == "" || value == len(text) || text[value] != '=' {
		return "", at, badQuery(at, "a header has a name and a value, as in header:type=created")
	}
	return name, value + 1, nil
}

// valueAt reads a value, and says where it ends.
func valueAt(text string, at int) (value string, end int, err error) {
	if at < len(text) && text[at] == '"' {
		return quotedAt(text, at)
	}
	for end = at; end < len(text) && !isBlank(text[end]); end++ {
	}
	return text[at:end], end, nil
}

// quotedAt reads what is between quotes; \" and \\ stand for themselves.
func quotedAt(text string, at int) (value string, end int, err error) {
	var out []byte
	for i := at + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return string(out), i + 1, nil
		case c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			out = append(out, text[i])
		default:
			out = append(out, c)
		}
	}
	return "", at, badQuery(at, "this quote has no end")
}

// add takes a word into a search.
func (q *search) add(t term, now time.Time) (err error) {
	if t.value == "" && t.field != "header" {
		return badQuery(t.at, "there is no value")
	}
	switch t.field {
	case "since":
		q.since, err = moment(t, now)
	case "until":
		q.until, err = moment(t, now)
	case "route":
		if q.route != "" && q.route != t.value {
			return badQuery(t.at, "nothing is of two routes")
		}
		q.route = t.value
	default:
		if q.terms = append(q.terms, t); len(q.terms) > maxTerms {
			return badQuery(t.at, "there are too many words: look for at most %d", maxTerms)
		}
	}
	return err
}

// moment is a time, or how long ago it was.
func moment(t term, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(t.value); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, t.value)
	if err != nil {
		return at, badQuery(t.at, "%s wants a time such as 2026-01-31T12:00:00Z, or how long ago it was, such as 2h", t.field)
	}
	return at, nil
}

// one is the value of the first word with one of these fields.
func (q *search) one(fields ...string) string {
	for _, t := range q.terms {
		if slices.Contains(fields, t.field) {
			return t.value
		}
	}
	return ""
}

// only reports whether all words have one of these fields.
func (q *search) only(fields ...string) bool {
	return !slices.ContainsFunc(q.terms, func(t term) bool { return !slices.Contains(fields, t.field) })
}

// has reports whether a word has one of these fields.
func (q *search) has(fields ...string) bool { return q.one(fields...) != "" }
