package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// searchPage is what a search found.
type searchPage struct {
	Query, Route string
	Routes       []status.Route
	Hits         api.Hits
	Next         string // where it goes on
	Asked        bool   // something was
	Command      string
	Header       string // a search for the same as a header; empty: it was none of a word
	Problem      *api.Error
}

// search looks for something.
func (c *Console) search(r *http.Request) (view, error) {
	q := r.URL.Query()
	p := searchPage{Query: q.Get("q"), Route: q.Get("route")}
	var err error
	if p.Routes, err = c.cfg.API.Routes(r.Context()); err != nil {
		return view{}, err
	}
	v := view{page: "search", title: "Search", nav: "search"}
	if p.Asked = p.Query != ""; p.Asked {
		v.title = "Search: " + shortKey(p.Query)
		err = c.cfg.API.Get(r.Context(), "/api/v1/search?"+searched(q).Encode(), &p.Hits)
		e, refused := errors.AsType[*api.Error](err)
		switch {
		case refused:
			p.Problem, v.code = e, codes[e.Code]
		case err != nil:
			return view{}, err
		}
		p.Next = goesOn(p.Hits.Next)
		if !strings.ContainsAny(p.Query, ` :"\`) {
			p.Header = "header:correlation_id=" + p.Query
		}
		p.Command = inShell(append(routed(p.Route, "search"), behindDashes([]string{p.Query})...))
	}
	v.data, v.routes = p, p.Routes
	return v, nil
}

// searched is the query of the API for that of the page: all but what is ours, so
// that a search goes on with whatever the API needs for it.
func searched(q url.Values) url.Values {
	out := url.Values{}
	for name, values := range q {
		if name != "told" && values[0] != "" {
			out[name] = values
		}
	}
	return out
}

// goesOn is the page behind a page of hits, for the path that the API gives.
func goesOn(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.RawQuery == "" {
		return ""
	}
	return "/search?" + u.RawQuery
}

// hitPath is the page of what was found.
func hitPath(h api.Hit) string {
	switch h.Kind {
	case "key":
		return keyPath(h.Route, h.Raw())
	case "archived":
		return archivedPath(h.Route, h.ID)
	case "operation":
		return operationPath(h.Route, h.ID)
	}
	return letterPath(h.Route, h.ID)
}

// hitKinds are what can be found, in words.
var hitKinds = map[string]string{"key": "key", "dead_letter": "dead letter", "archived": "archived", "operation": "operation"}

func hitKind(kind string) string {
	if says := hitKinds[kind]; says != "" {
		return says
	}
	return kind
}

// searchWord is a word of a search, with what it finds.
type searchWord struct{ Example, Finds string }

// searchWords are the words that a search takes.
var searchWords = []searchWord{
	{"4711", "a key or an id, of a dead letter, a message or an operation, or how it begins"},
	{"key:4711", "what is about this key"},
	{"id:01JB5", "a dead letter, a message or an operation with this id"},
	{"reason:too_large", "dead letters with this reason"},
	{"group:9f86d081884c7d65", "dead letters with this cause, by its fingerprint"},
	{"route:orders", "only what is on this route"},
	{`error:"no such customer"`, "dead letters whose error has this in it"},
	{"header:correlation_id=basket-1", "dead letters and archived ones with this header"},
	{"since:2h", "what was given up in the last two hours"},
	{"since:2026-03-01T00:00:00Z until:2026-03-02T00:00:00Z", "what was given up within this time"},
}

// searchFor is what finds a key, whatever its bytes.
func searchFor(key string) string {
	return `key:"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
}
