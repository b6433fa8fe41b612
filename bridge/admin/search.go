package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// searchTime is how long one page looks; what is not found by then is on the next.
const searchTime = 200 * time.Millisecond

// seeker makes one page of what a search finds. It goes from stage to stage, and in
// each from route to route: what an index finds comes first.
type seeker struct {
	*Server
	search
	limit  int
	began  time.Time
	routes []string
	out    api.Hits
	rest   cursor // where it goes on
}

// cursor is a place in a search: a stage, a route, and behind what it goes on there.
type cursor struct{ stage, route, place string }

func (c cursor) String() string { return c.stage + "." + c.route + "." + c.place }

// parseCursor reads a cursor; the names of stages and routes have no dots.
func (k *seeker) parseCursor(text string) (c cursor, err error) {
	if text == "" {
		return c, nil
	}
	parts := strings.SplitN(text, ".", 3)
	if len(parts) != 3 || !slices.Contains(k.routes, parts[1]) || !slices.ContainsFunc(stages, func(s stage) bool { return s.name == parts[0] }) {
		return c, bad("after is no place in this search; follow next")
	}
	return cursor{parts[0], parts[1], parts[2]}, nil
}

// stage looks for one kind of thing in a route, behind a place. More says that it
// has not come to the end, and goes on behind place.
type stage struct {
	name string
	look func(k *seeker, ctx context.Context, route, after string) (place string, more bool, err error)
}

var stages = []stage{
	{"keys", (*seeker).findKeys},
	{"operations", (*seeker).findOperations},
	{"id", (*seeker).findID},
	{"key", (*seeker).findKey},
	{"all", (*seeker).findLetters},
	{"archive", (*seeker).findArchived},
}

// find answers a search.
func (s *Server) find(w http.ResponseWriter, r *http.Request) {
	q, ok := listQuery(w, r)
	if !ok {
		return
	}
	k := &seeker{Server: s, limit: q.Limit, began: time.Now(), out: api.Hits{Items: []api.Hit{}}}
	var err error
	if k.search, err = parseSearch(r.URL.Query().Get("q"), time.Now()); err == nil {
		err = s.maySearch(r, &k.search)
	}
	if err == nil {
		k.routes, err = s.searched(&k.search, r.URL.Query().Get("route"))
	}
	var from cursor
	if err == nil {
		from, err = k.parseCursor(q.After)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if err := k.run(r.Context(), from); err != nil {
		s.failed(w, err)
		return
	}
	if k.rest.stage != "" {
		k.out.Next = next(r, k.rest.String())
	}
	answer(w, http.StatusOK, k.out)
}

// maySearch refuses a search for what its caller does not see at all. Where they see
// it masked, what is looked for is compared with what they see: else one could
// guess the rest.
func (s *Server) maySearch(r *http.Request, q *search) error {
	if callerOf(r).payloads == PayloadsHidden && slices.ContainsFunc(q.terms, func(t term) bool { return t.field == "header" || t.field == "error" }) {
		return &api.Error{
			Code: api.PayloadsForbidden, Message: "headers and errors are hidden from you, and so from your searches",
			Hint: "payloads: masked of a token in the topology file allows it",
		}
	}
	return nil
}

// searched are the routes that are looked at.
func (s *Server) searched(q *search, route string) ([]string, error) {
	for _, name := range []string{route, q.route} {
		if name != "" && !s.names[name] {
			return nil, &api.Error{Code: api.UnknownRoute, Message: fmt.Sprintf("there is no route %q", name), Hint: "GET /api/v1/routes lists them"}
		}
	}
	var all []string
	for name := range s.names {
		if (route == "" || route == name) && (q.route == "" || q.route == name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all, nil
}

// run goes through the stages until the page is full, or its time is over.
func (k *seeker) run(ctx context.Context, from cursor) error {
	begun := from.stage == ""
	for _, st := range stages {
		for _, route := range k.routes {
			after := ""
			if !begun {
				if st.name != from.stage || route != from.route {
					continue
				}
				begun, after = true, from.place
			} else if k.over() {
				k.rest = cursor{st.name, route, ""}
				return nil
			}
			place, more, err := st.look(k, ctx, route, after)
			if err != nil && !errors.Is(err, store.ErrNotFound) { // the route has stored nothing yet
				return err
			}
			if more {
				k.rest = cursor{st.name, route, place}
				return nil
			}
		}
	}
	return nil
}

// over reports whether a page ends.
func (k *seeker) over() bool { return len(k.out.Items) >= k.limit || time.Since(k.began) > searchTime }

// findKeys finds keys that are, or begin with, what is looked for.
func (k *seeker) findKeys(ctx context.Context, route, after string) (place string, more bool, err error) {
	text := k.one("", "key")
	if text == "" || !k.only("", "key") || !k.since.IsZero() || !k.until.IsZero() {
		return "", false, nil
	}
	queries := []store.Query{{Route: route, Key: text}, {Route: route, After: text}}
	if after != "" {
		queries = []store.Query{{Route: route, After: after}}
	}
	for _, q := range queries {
		for rec, err := range k.cfg.Store.Lanes(ctx, q) {
			if err != nil {
				return "", false, err
			}
			name := rec.Key.Name
			if !strings.HasPrefix(name, text) {
				break
			}
			k.out.Looked++
			if place != "" && name != place && k.over() {
				return place, true, nil // the epochs of a key are not torn apart
			}
			if place = name; k.fitsKey(name) {
				k.hit(api.Hit{Kind: "key", Route: route, KeyName: api.NewKeyName(name), At: rec.Since, Says: laneSays(&rec)})
			}
		}
	}
	return "", false, nil
}

func (k *seeker) fitsKey(name string) bool {
	return !slices.ContainsFunc(k.terms, func(t term) bool { return !strings.HasPrefix(name, t.value) })
}

// modeSays are what keys do, where the pages have other words for it.
var modeSays = map[lane.Mode]string{
	lane.GapBlocked: "gap, its time over", lane.Waiting: "retrying", lane.Adopting: "new",
}

func laneSays(rec *store.Record) string {
	says := modeSays[rec.State.Mode]
	if says == "" {
		says = rec.State.Mode.String()
	}
	if rec.State.Next >= 0 {
		says += fmt.Sprintf(", next is revision %d", rec.State.Next)
	}
	if rec.Key.Epoch > 0 {
		says = fmt.Sprintf("epoch %d: %s", rec.Key.Epoch, says)
	}
	if rec.State.Parked > 0 {
		says += ", " + counted(rec.State.Parked, "message", "messages") + " parked"
	}
	return says
}

// findOperations finds operations by their ids. There are few.
func (k *seeker) findOperations(ctx context.Context, route, after string) (place string, more bool, err error) {
	if k.cfg.Operator == nil || !k.has("", "id") || !k.only("", "id") {
		return "", false, nil
	}
	all, err := k.cfg.Operator.Operations(ctx, route)
	if err != nil {
		return "", false, err
	}
	for _, op := range all {
		if op.ID <= after {
			continue
		}
		k.out.Looked++
		if k.fitsKey(op.ID) && k.within(op.Began) {
			k.hit(api.Hit{Kind: "operation", Route: route, ID: op.ID, At: op.Began, Says: fmt.Sprintf("%s of %d dead letters, %s", op.Action, op.Total, op.State)})
		}
		if place = op.ID; k.over() {
			return place, true, nil
		}
	}
	return "", false, nil
}

func (k *seeker) within(at time.Time) bool {
	return (k.since.IsZero() || !at.Before(k.since)) && (k.until.IsZero() || at.Before(k.until))
}

// findID finds the one dead letter that has an id.
func (k *seeker) findID(ctx context.Context, route, _ string) (place string, more bool, err error) {
	id := k.one("", "id")
	if id == "" {
		return "", false, nil
	}
	d, err := k.cfg.Store.DeadLetter(ctx, route, id)
	if err != nil {
		return "", false, err
	}
	k.out.Looked++
	b := d.Brief()
	k.tryLetter(ctx, route, &b, &d)
	return "", false, nil
}

// findKey finds the dead letters of one key.
func (k *seeker) findKey(ctx context.Context, route, after string) (place string, more bool, err error) {
	key := k.one("", "key")
	if key == "" {
		return "", false, nil
	}
	return k.letters(ctx, store.Query{Route: route, Key: key, After: after}, func(b *store.Brief) bool { return b.ID != k.one("", "id") })
}

// findLetters looks at all dead letters, but for those that were found already.
func (k *seeker) findLetters(ctx context.Context, route, after string) (place string, more bool, err error) {
	return k.letters(ctx, store.Query{Route: route, After: after}, func(b *store.Brief) bool {
		key := k.one("", "key")
		return b.ID != k.one("", "id") && (key == "" || b.Key != key)
	})
}

// letters looks at dead letters, the newest first.
func (k *seeker) letters(ctx context.Context, q store.Query, isNew func(*store.Brief) bool) (place string, more bool, err error) {
	q.Newest, q.Since, q.Until, q.Group = true, k.since, k.until, k.one("group")
	for b, err := range k.cfg.Store.Briefs(ctx, q) {
		if err != nil {
			return "", false, err
		}
		k.out.Looked++
		if isNew(&b) {
			if err := k.look(ctx, q.Route, &b); err != nil {
				return "", false, err
			}
		}
		if k.over() {
			return b.Place(), true, nil
		}
	}
	return "", false, nil
}

// look reads a dead letter as far as that is needed.
func (k *seeker) look(ctx context.Context, route string, b *store.Brief) error {
	if !slices.ContainsFunc(k.terms, func(t term) bool { return !t.fitsBrief(b) }) {
		k.tryLetter(ctx, route, b, nil)
		return nil
	}
	if slices.ContainsFunc(k.terms, func(t term) bool { return t.inBrief() && !t.fitsBrief(b) }) {
		return nil
	}
	d, err := k.cfg.Store.DeadLetter(ctx, route, b.ID)
	switch {
	case errors.Is(err, store.ErrNotFound): // settled meanwhile
		return nil
	case err != nil:
		return err
	}
	k.tryLetter(ctx, route, b, &d)
	return nil
}

// tryLetter adds a dead letter that fits; without content, it does.
func (k *seeker) tryLetter(ctx context.Context, route string, b *store.Brief, d *store.DeadLetter) {
	if d == nil || k.fits(ctx, b, d) {
		k.hit(letterHit("dead_letter", route, b))
	}
}

// fits reports whether a dead letter is one of those that are looked for.
func (k *seeker) fits(ctx context.Context, b *store.Brief, d *store.DeadLetter) bool {
	seen := k.contentOf(ctx, &d.Message)
	return k.within(d.At) && !slices.ContainsFunc(k.terms, func(t term) bool { return !t.fits(b, d, seen) })
}

func letterHit(kind, route string, b *store.Brief) api.Hit {
	says := b.Reason
	if b.Key != "" {
		says = fmt.Sprintf("%s at revision %d", b.Reason, b.Rev)
	}
	return api.Hit{Kind: kind, Route: route, ID: b.ID, KeyName: api.NewKeyName(b.Key), At: b.At, Says: says}
}

// inBrief reports whether the brief of a dead letter is all that a word asks for.
func (t term) inBrief() bool { return t.field == "key" || t.field == "reason" || t.field == "group" }

// fitsBrief reports whether a word fits what is known without the content.
func (t term) fitsBrief(b *store.Brief) bool {
	switch t.field {
	case "":
		return strings.HasPrefix(b.ID, t.value) || strings.HasPrefix(b.Key, t.value)
	case "key":
		return strings.HasPrefix(b.Key, t.value)
	case "id":
		return strings.HasPrefix(b.ID, t.value)
	case "reason":
		return b.Reason == t.value
	case "group":
		return b.Fingerprint == t.value
	}
	return false
}

// fits reports whether a word fits a dead letter, as far as that is seen.
func (t term) fits(b *store.Brief, d *store.DeadLetter, seen *content) bool {
	switch t.field {
	case "", "id":
		return t.fitsBrief(b) || strings.HasPrefix(d.Message.ID, t.value)
	case "error":
		return strings.Contains(strings.ToLower(seen.says(d.Error)), strings.ToLower(t.value))
	case "header":
		for name, value := range d.Metadata {
			if strings.EqualFold(name, t.name) && value == t.value {
				return string(seen.header(name, value, len(value)).Value.Raw()) == value
			}
		}
		return false
	}
	return t.fitsBrief(b)
}

// findArchived looks at what was put away, by id.
func (k *seeker) findArchived(ctx context.Context, route, after string) (place string, more bool, err error) {
	for a, err := range k.cfg.Store.Archive(ctx, store.Query{Route: route, After: after}) {
		if err != nil {
			return "", false, err
		}
		k.out.Looked++
		b := a.Brief()
		if k.fits(ctx, &b, &a.DeadLetter) {
			hit := letterHit("archived", route, &b)
			hit.At = a.ArchivedAt
			k.hit(hit)
		}
		if k.over() {
			return a.ID, true, nil
		}
	}
	return "", false, nil
}

func (k *seeker) hit(h api.Hit) { k.out.Items = append(k.out.Items, h) }
