package console

import (
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

// filter says which dead letters of a route are meant: those that match all that is
// set.
type filter struct {
	Key    string
	Group  string
	Reason string // why they were given up
	Since  time.Time
	Until  time.Time
}

// The reason of a filter has another name where a change is asked for: there a
// reason is why somebody makes it.
const (
	listReason = "reason"
	actReason  = "of-reason"
)

// filterOf reads a filter, whose reason has such a name.
func filterOf(q url.Values, reason string) (f filter, err error) {
	f = filter{Key: q.Get("key"), Group: strings.TrimSpace(q.Get("group")), Reason: strings.TrimSpace(q.Get(reason))}
	for name, at := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		if *at, err = moment(q.Get(name)); err != nil {
			return f, &api.Error{Code: api.BadRequest, Message: name + " is no time", Hint: "write it as 2026-01-31 12:00 (in UTC), or as 2026-01-31T12:00:00Z"}
		}
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return f, &api.Error{Code: api.BadRequest, Message: "since must be before until"}
	}
	return f, nil
}

// moment reads a time as people write it, in UTC.
func moment(text string) (t time.Time, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return t, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err = time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return t, err
}

// query is the filter as the query of an address.
func (f filter) query(reason string) url.Values {
	q := url.Values{}
	for name, text := range map[string]string{"key": f.Key, "group": f.Group, reason: f.Reason, "since": exact(f.Since), "until": exact(f.Until)} {
		if text != "" {
			q.Set(name, text)
		}
	}
	return q
}

// exact is a time that reads back as the same; zero is none.
func exact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return iso(t)
}

// list asks for a page of them.
func (f filter) list(after string) client.List {
	return client.List{Key: f.Key, Group: f.Group, Reason: f.Reason, Since: f.Since, Until: f.Until, Gaps: true, After: after, Limit: pageRows}
}

// selection is what an operation is about.
func (f filter) selection() api.Selection {
	s := api.Selection{Group: f.Group, Reason: f.Reason, Since: f.Since, Until: f.Until}
	if utf8.ValidString(f.Key) {
		s.Key = f.Key
	} else {
		s.KeyBase64 = []byte(f.Key)
	}
	return s
}

// none reports whether nothing is set.
func (f filter) none() bool { return f == filter{} }

// flags are the words by which a command selects the same.
func (f filter) flags() (words []string) {
	for _, w := range [][2]string{{"--key", f.Key}, {"--group", f.Group}, {"--of-reason", f.Reason}, {"--since", exact(f.Since)}, {"--until", exact(f.Until)}} {
		if w[1] != "" {
			words = append(words, w[0], w[1])
		}
	}
	return words
}

// says is the filter in words; nothing where it is none.
func (f filter) Says() string {
	var parts []string
	for _, p := range [][2]string{{"of key ", f.Key}, {"of the cause ", f.Group}, {"given up for ", f.Reason}, {"since ", exact(f.Since)}, {"until ", exact(f.Until)}} {
		if p[1] != "" {
			parts = append(parts, p[0]+p[1])
		}
	}
	return strings.Join(parts, ", ")
}

// selected is a selection as an operation keeps it, and the ids of it.
func selected(s api.Selection) (filter, []string) {
	f := filter{Key: s.Key, Group: s.Group, Reason: s.Reason, Since: s.Since, Until: s.Until}
	if len(s.KeyBase64) > 0 {
		f.Key = string(s.KeyBase64)
	}
	return f, s.IDs
}

// actOn is the address of a change of what is selected, or of all.
func actOn(route, do string, f filter, ids []string, more ...string) string {
	q := f.query(actReason)
	q.Set("do", do)
	switch {
	case len(ids) > 0:
		q["id"] = ids
	case f.none():
		q.Set("all", "true")
	}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			q.Set(more[i], more[i+1])
		}
	}
	return actPath(route) + "?" + q.Encode()
}

func sortedKeys(q url.Values) []string { return slices.Sorted(maps.Keys(q)) }

// idName is an id where a name has to be a word: of a row of a page that is kept up
// to date.
func idName(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }
