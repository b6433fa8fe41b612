package console

import (
	"net/http"
	"net/url"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// letterPages are the pages of dead letters.
func (c *Console) letterPages() []Page {
	return []Page{
		{"GET", "/dead-letters", Reading, "The dead letters of all routes by their causes, with what waits because of them", c.shows(c.groups)},
		{"GET", "/routes/{route}/dead-letters", Reading, "A page of the dead letters of a route", c.shows(c.letters)},
		{"GET", "/routes/{route}/dead-letters/{id}", Reading, "A dead letter: its message, its tries, and what one can do", c.shows(c.letter)},
		{"GET", "/routes/{route}/dead-letters/{id}/edit", Acting, "A form with the content of a dead letter", c.shows(c.editing)},
		{"POST", "/routes/{route}/dead-letters/{id}/edit", Acting, "What an edit would change, or the edit", c.edits},
		{"GET", "/routes/{route}/archive", Reading, "A page of what was put away", c.shows(c.archive)},
		{"GET", "/routes/{route}/archive/{id}", Reading, "A message that was put away", c.shows(c.archived)},
	}
}

// letters is a page of dead letters.
type letters struct {
	Route  string
	Filter filter
	Items  []api.DeadLetter
	Group  *api.Group // that the list is about
	First  string     // where the list begins, if this is not its first page
	Next   string
	Ways   []way  // for all that the list is about
	Verbs  []way  // for those that are ticked
	Why    string // none of them may be used
	All    string // what the ways are about
}

// letters shows a page of the dead letters of a route.
func (c *Console) letters(r *http.Request) (view, error) {
	q := spelled(r.URL.Query())
	f, err := filterOf(q, listReason)
	if err != nil {
		return view{}, err
	}
	p := letters{Route: r.PathValue("route"), Filter: f, Why: denied(c.me(r), "operator")}
	page, err := c.cfg.API.DeadLetterPage(r.Context(), p.Route, f.list(q.Get("after")))
	if err != nil {
		return view{}, err
	}
	p.Items = page.Items
	here := lettersPath(p.Route)
	p.Next = nextOf(here, f.query(listReason), page.Next)
	if q.Get("after") != "" {
		p.First = here + "?" + f.query(listReason).Encode()
	}
	if f.Group != "" {
		if p.Group, err = c.groupOf(r, p.Route, f.Group); err != nil {
			return view{}, err
		}
	}
	p.verbs()
	return view{page: "letters", title: "Dead letters of " + p.Route, nav: "dead-letters", data: p}, nil
}

// nextOf is the address of the page behind this one, by what the API says of it.
func nextOf(here string, q url.Values, next string) string {
	u, err := url.Parse(next)
	if next == "" || err != nil {
		return ""
	}
	q.Set("after", u.Query().Get("after"))
	return here + "?" + q.Encode()
}

// groupOf finds a cause by its fingerprint; nil where there is none any more.
func (c *Console) groupOf(r *http.Request, route, fingerprint string) (*api.Group, error) {
	for g, err := range c.cfg.API.Groups(r.Context(), route, "") {
		if err != nil {
			return nil, err
		}
		if g.Fingerprint == fingerprint {
			return &g, nil
		}
	}
	return nil, nil
}

// verbs are what one can do with those that are ticked, and with all of the list.
func (p *letters) verbs() {
	p.All = "all of this list"
	if p.Filter.none() {
		p.All = "all dead letters of this route"
	}
	for _, v := range []way{{Label: "Redrive…", Href: "redrive"}, {Label: "Archive…", Href: "archive"}, {Label: "Discard…", Href: "discard"}} {
		p.Verbs = append(p.Verbs, v)
		p.Ways = append(p.Ways, way{Label: v.Label, Href: actOn(p.Route, v.Href, p.Filter, nil), Why: p.Why})
	}
}
