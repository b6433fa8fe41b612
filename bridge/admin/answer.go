package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// answer writes v as JSON. A caller that has gone has nobody to tell.
func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(true)
	_ = enc.Encode(v)
}

func fail(w http.ResponseWriter, code int, word, message, hint string) {
	answer(w, code, api.Failure{Error: &api.Error{Code: word, Message: message, Hint: hint}})
}

// failed answers for the store.
func (s *Server) failed(w http.ResponseWriter, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		fail(w, http.StatusGatewayTimeout, api.Timeout, "the store took too long", "ask for fewer at once, with limit")
		return
	}
	if !errors.Is(err, context.Canceled) {
		s.cfg.Logger.Warn("the admin API could not read the store", "error", err)
	}
	fail(w, http.StatusInternalServerError, api.StoreFailed, "the store could not be read", "the log of the bridge says why")
}

// known finds the route of a request, or answers that there is none.
func (s *Server) known(w http.ResponseWriter, r *http.Request) (string, bool) {
	name := r.PathValue("route")
	if !s.names[name] {
		noRoute(w, name)
		return "", false
	}
	return name, true
}

func noRoute(w http.ResponseWriter, name string) {
	fail(w, http.StatusNotFound, api.UnknownRoute, fmt.Sprintf("there is no route %q", name), "GET /api/v1/routes lists them")
}

// query reads what a list was asked for, or answers what is wrong with it.
func (s *Server) query(w http.ResponseWriter, r *http.Request) (store.Query, bool) {
	route, ok := s.known(w, r)
	if !ok {
		return store.Query{}, false
	}
	q, ok := listQuery(w, r)
	q.Route = route
	return q, ok
}

// listQuery is query where the path names no route.
func listQuery(w http.ResponseWriter, r *http.Request) (store.Query, bool) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		fail(w, http.StatusBadRequest, api.BadRequest, "the query cannot be read", "escape values as %XX")
		return store.Query{}, false
	}
	q := store.Query{Key: values.Get("key"), After: values.Get("after"), Limit: defaultLimit}
	if text := values.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > maxLimit {
			fail(w, http.StatusBadRequest, api.BadRequest, fmt.Sprintf("limit must be a number from 1 to %d", maxLimit), "follow next for more")
			return store.Query{}, false
		}
	}
	if text := values.Get("blocked"); text != "" {
		if q.Blocked, err = strconv.ParseBool(text); err != nil {
			fail(w, http.StatusBadRequest, api.BadRequest, "blocked must be true or false", "")
			return store.Query{}, false
		}
	}
	return q, true
}

// next is where a list goes on behind an item; escaped, so that it may be a key
// of any bytes.
func next(r *http.Request, after string) string { return nextBy(r, "after", after) }

// nextBy is next by another parameter.
func nextBy(r *http.Request, name, place string) string {
	values := r.URL.Query()
	values.Set(name, place)
	return r.URL.EscapedPath() + "?" + values.Encode()
}

// revision is r, or nothing where there is none yet.
func revision(r lane.Revision) *int64 {
	if r < 0 {
		return nil
	}
	n := int64(r)
	return &n
}
