package admin

import (
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/store"
)

// What one answer shows of a message. The store may hold bodies of many
// megabytes, which nobody reads on a screen.
const (
	maxBody    = 256 << 10
	maxHeader  = 4 << 10
	maxHeaders = 200
)

// deadLetters lists the dead letters of a route, without their content.
func (s *Server) deadLetters(w http.ResponseWriter, r *http.Request) {
	q, ok := s.query(w, r)
	if !ok {
		return
	}
	page := api.Page[api.DeadLetter]{Items: []api.DeadLetter{}}
	for d, err := range s.cfg.Store.DeadLetters(r.Context(), q) {
		if errors.Is(err, store.ErrNotFound) {
			break // the route has stored nothing yet
		}
		if err != nil {
			s.failed(w, err)
			return
		}
		page.Items = append(page.Items, deadLetter(&d))
	}
	if n := len(page.Items); n >= q.Limit {
		page.Next = next(r, page.Items[n-1].ID)
	}
	answer(w, http.StatusOK, page)
}

// deadLetter shows one dead letter with headers and body.
func (s *Server) deadLetter(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	d, err := s.cfg.Store.DeadLetter(r.Context(), route, r.PathValue("id"))
	switch {
	case errors.Is(err, store.ErrNotFound):
		fail(w, http.StatusNotFound, api.UnknownDeadLetter, "this route has no such dead letter",
			"it may have been settled since; GET /api/v1/routes/"+route+"/dead-letters lists them")
		return
	case err != nil:
		s.failed(w, err)
		return
	}
	out := api.DeadLetterDetail{DeadLetter: deadLetter(&d), Body: api.NewBytes(d.Payload, maxBody)}
	out.Headers, out.HeadersOmitted = headers(d.Metadata)
	answer(w, http.StatusOK, out)
}

func headers(all map[string]string) (shown []api.Header, omitted int) {
	shown = []api.Header{}
	names := slices.Sorted(maps.Keys(all))
	if len(names) > maxHeaders {
		names, omitted = names[:maxHeaders], len(names)-maxHeaders
	}
	for _, name := range names {
		shown = append(shown, api.Header{Name: name, Value: api.NewBytes([]byte(all[name]), maxHeader)})
	}
	return shown, omitted
}

func deadLetter(d *store.DeadLetter) api.DeadLetter {
	out := api.DeadLetter{
		Route: d.Route, ID: d.ID, KeyName: api.NewKeyName(d.Key), Epoch: d.Epoch, InOrder: d.Lane,
		Reason: d.Reason, Class: d.Class, Error: d.Error, Attempts: d.Attempts,
		FirstFailed: d.FirstFailed, LastFailed: d.LastFailed, At: d.At,
		Target: d.Target, MessageID: d.Message.ID, Size: len(d.Payload),
	}
	if !nameless(d) {
		out.Revision = revision(d.Rev)
	}
	return out
}

// nameless reports whether a message has no revision that can be used: its 0 is
// then no revision.
func nameless(d *store.DeadLetter) bool {
	switch d.Reason {
	case "undecodable", "key_missing", "key_invalid", "revision_missing", "revision_invalid":
		return !d.Lane
	}
	return d.Key == ""
}
