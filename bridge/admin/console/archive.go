package console

import (
	"net/http"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

// archivePage is a page of what was put away.
type archivePage struct {
	Route      string
	Key, Group string
	Items      []api.Archived
	First      string
	Next       string
}

// archive shows a page of what was put away.
func (c *Console) archive(r *http.Request) (view, error) {
	q := spelled(r.URL.Query())
	f, err := filterOf(q, listReason)
	if err != nil {
		return view{}, err
	}
	p := archivePage{Route: r.PathValue("route"), Key: f.Key, Group: f.Group}
	page, err := c.cfg.API.ArchivePage(r.Context(), p.Route, client.List{Key: f.Key, Group: f.Group, After: q.Get("after"), Limit: pageRows})
	if err != nil {
		return view{}, err
	}
	f = filter{Key: f.Key, Group: f.Group}
	p.Items, p.Next = page.Items, nextOf(archivePath(p.Route), f.query(listReason), page.Next)
	if q.Get("after") != "" {
		p.First = archivePath(p.Route) + "?" + f.query(listReason).Encode()
	}
	return view{page: "archive", title: "Archive of " + p.Route, nav: "dead-letters", data: p}, nil
}

// archived shows a message that was put away.
func (c *Console) archived(r *http.Request) (view, error) {
	a, err := c.cfg.API.ArchivedLetter(r.Context(), r.PathValue("route"), r.PathValue("id"))
	if err != nil {
		return view{}, err
	}
	d := api.DeadLetterDetail{DeadLetter: a.DeadLetter}
	d.InOrder = false // not any more: its key has gone on
	p := letter{
		DeadLetterDetail: d, Archived: &a.Archived, Cause: reasons[d.Reason],
		Message: messageOf(r, a.Headers, a.HeadersOmitted, a.Body, a.Payloads),
		Ways:    []way{{Label: "Restore…", Href: actOn(d.Route, "restore", filter{}, []string{d.ID}), Kind: "primary", Why: denied(c.me(r), "operator")}},
	}
	return view{page: "letter", title: titleOf(&d.DeadLetter) + ", archived", nav: "dead-letters", data: p}, nil
}
