package console

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// auditRows are on a page of the audit.
const auditRows = 50

// auditPage is what operators did, the newest first.
type auditPage struct {
	Route, Key    string
	Before        string // only what was done before this entry
	Routes        []status.Route
	Rows          []api.Audit
	Older, Newest template.URL
	Command       string // that exports all of it
}

// audit lists what operators did.
func (c *Console) audit(r *http.Request) (view, error) {
	q := r.URL.Query()
	p := auditPage{Route: q.Get("route"), Key: keyOf(q), Before: q.Get("before")}
	asked := url.Values{"last": {strconv.Itoa(auditRows + 1)}} // one more shows whether there are older ones
	for name, text := range map[string]string{"route": p.Route, "key": p.Key, "before": p.Before} {
		if text != "" {
			asked.Set(name, text)
		}
	}
	var page api.Page[api.Audit]
	if err := c.cfg.API.Get(r.Context(), "/api/v1/audit?"+asked.Encode(), &page); err != nil {
		return view{}, err
	}
	var err error
	if p.Routes, err = c.cfg.API.Routes(r.Context()); err != nil {
		return view{}, err
	}
	p.Rows = page.Items
	slices.Reverse(p.Rows)
	if len(p.Rows) > auditRows {
		p.Rows = p.Rows[:auditRows]
		p.Older = p.path(strconv.FormatUint(p.Rows[auditRows-1].Seq, 10))
	} else if u, err := url.Parse(page.Next); err == nil && page.Next != "" { // there was much to look through
		p.Older = p.path(u.Query().Get("before"))
	}
	if p.Before != "" {
		p.Newest = p.path("")
	}
	p.Command = p.export()
	return view{page: "audit", title: "Audit", nav: "audit", data: p, routes: p.Routes}, nil
}

// path is this page before another entry.
func (p auditPage) path(before string) template.URL {
	return link("/audit", "route", p.Route, "key", p.Key, "before", before)
}

// export is the command that writes all that is looked at to a file.
func (p auditPage) export() string {
	words := inShell(routed(p.Route, "audit", "ls"))
	if p.Key != "" {
		words += " --key=" + api.Quote(p.Key) // a key may look like a flag
	}
	return words + " --limit 0 -o jsonl > audit.jsonl"
}

// verifyPage is what following the chain of the audit has shown.
type verifyPage struct {
	api.AuditCheck
	Expect  string
	Command string
}

// verify follows the chain of the audit.
func (c *Console) verify(r *http.Request) (view, error) {
	p := verifyPage{Expect: strings.TrimSpace(r.URL.Query().Get("expect")), Command: inShell([]string{"audit", "verify"})}
	var err error
	if p.AuditCheck, err = c.cfg.API.VerifyAudit(r.Context(), p.Expect); err != nil {
		return view{}, err
	}
	if p.Expect != "" {
		p.Command += " --expect " + api.Quote(p.Expect)
	}
	return view{page: "verify", title: "The audit, verified", nav: "audit", data: p}, nil
}

// auditPath is the page of what an entry is about; empty: it has none.
func auditPath(a api.Audit) string {
	switch {
	case a.Route == "" || a.Target == "":
		return ""
	case isID(a.Target):
		return letterPath(a.Route, a.Target)
	case a.Raw() == "" && a.Count > 0:
		return operationPath(a.Route, a.Target)
	}
	return ""
}

// isID reports whether a text is the id of a dead letter, rather than revisions.
func isID(text string) bool { return len(text) == 36 && strings.Count(text, "-") == 4 }

// shortID is how an id of a dead letter begins, which tells it from the others.
func shortID(id string) string {
	if isID(id) {
		return id[:8] + "…"
	}
	return shortKey(id)
}
