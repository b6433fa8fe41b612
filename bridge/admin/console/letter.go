package console

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/admin/console/content"
)

// letter is the page of a dead letter, or of one that was put away.
type letter struct {
	api.DeadLetterDetail
	Archived *api.Archived // it was put away
	Message  message
	Cause    meaning
	Waits    bool        // its key waits for it
	Behind   *api.Behind // what waits for it
	Wait     string      // why its key waits, in a sentence
	Others   string      // the list of its cause
	Ways     []way
	Command  string
}

// message is the content of a message as a page shows it.
type message struct {
	content.Headers
	Omitted  int // headers beside those
	Body     content.Body
	Views    []bodyView
	Payloads string // how much of it is shown, in words
}

// bodyView is a way to look at a body.
type bodyView struct {
	As, Href string
	Here     bool
}

func messageOf(r *http.Request, headers []api.Header, omitted int, body api.Bytes, payloads string) message {
	m := message{Headers: content.NewHeaders(headers), Omitted: omitted, Body: content.NewBody(body, r.URL.Query().Get("as")), Payloads: payloadWords[payloads]}
	for _, as := range m.Body.Ways {
		m.Views = append(m.Views, bodyView{as, "?as=" + as, as == m.Body.As})
	}
	return m
}

// payloadWords say how much of a message who looks may see.
var payloadWords = map[string]string{
	"masked": "You see this message masked: *** stands for what is not for you. A token with payloads: full shows all.",
	"hidden": "Payloads are hidden from you: you see the names of headers, and sizes. A token with payloads: masked or full shows more.",
}

// letter shows a dead letter.
func (c *Console) letter(r *http.Request) (view, error) {
	route, id := r.PathValue("route"), r.PathValue("id")
	d, err := c.cfg.API.DeadLetter(r.Context(), route, id)
	if isGone(err) {
		return c.gone(r, route, id)
	}
	if err != nil {
		return view{}, err
	}
	p := letter{
		DeadLetterDetail: d, Cause: reasons[d.Reason],
		Message: messageOf(r, d.Headers, d.HeadersOmitted, d.Body, d.Payloads),
	}
	if d.Group != "" {
		p.Others = lettersPath(route) + "?" + filter{Group: d.Group}.query(listReason).Encode()
	}
	if d.InOrder {
		p.waits(r.Context(), c)
	}
	p.Ways = letterWays(c.me(r), &p)
	return view{page: "letter", title: titleOf(&d.DeadLetter), nav: "dead-letters", data: p}, nil
}

// titleOf names a dead letter.
func titleOf(d *api.DeadLetter) string {
	switch {
	case d.Bodiless:
		return "A gap of key " + printable(clip(d.Raw(), 60))
	case d.Revision != nil && d.Raw() != "":
		return "Revision " + count(d.Revision) + " of key " + printable(clip(d.Raw(), 60))
	case d.Raw() != "":
		return "A message of key " + printable(clip(d.Raw(), 60))
	}
	return "A message without a key"
}

// waits adds what waits for it. Where that cannot be said, the rest is shown.
func (p *letter) waits(ctx context.Context, c *Console) {
	e, err := c.cfg.API.Explain(ctx, p.Route, p.Raw())
	if err != nil {
		return
	}
	for i := range e.Epochs {
		if w := &e.Epochs[i]; w.Lane.Epoch == p.Epoch {
			p.Wait = w.Why
			if p.Bodiless || w.DeadLetter != nil && w.DeadLetter.ID == p.ID {
				p.Waits, p.Behind = true, w.Behind
			}
		}
	}
}

// Traced reports whether one of the tries has a trace.
func (p letter) Traced() bool {
	return slices.ContainsFunc(p.Tries, func(t api.Try) bool { return t.Trace != "" })
}

// letterWays are what one can do with a dead letter.
func letterWays(me api.Me, d *letter) []way {
	if d.Bodiless {
		return []way{{Label: "What the key waits for", Href: keyPath(d.Route, d.Raw()), Kind: "primary"}}
	}
	why := denied(me, "operator")
	ids := []string{d.ID}
	ways := []way{{Label: "Redrive…", Href: actOn(d.Route, "redrive", filter{}, ids), Kind: "primary", Why: why}}
	if !d.Waits && d.Raw() != "" {
		ways = append(ways, way{Label: "Redrive out of order…", Href: actOn(d.Route, "redrive", filter{}, ids, "out_of_order", "true"), Why: why})
	}
	return append(ways,
		way{Label: "Edit…", Href: letterPath(d.Route, d.ID) + "/edit", Why: mayNotEdit(me, d.Payloads)},
		way{Label: "Archive…", Href: actOn(d.Route, "archive", filter{}, ids), Why: why},
		way{Label: "Discard…", Href: actOn(d.Route, "discard", filter{}, ids), Kind: "danger", Why: why},
	)
}

// mayNotEdit says why somebody may not edit what they see so much of.
func mayNotEdit(me api.Me, payloads string) string {
	if payloads != "" {
		return "payloads are " + payloads + " for you" // and what is edited is stored whole
	}
	return denied(me, "admin")
}

// isGone reports whether a dead letter is none, or none any more.
func isGone(err error) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && e.Code == api.UnknownDeadLetter
}

// gone is the page of a dead letter that was settled meanwhile, as far as that is
// known.
type gone struct {
	Route, ID string
	Archived  bool
	Audits    []api.Audit // about it, the newest first
}

// maxAudits is how far the audit is searched.
const maxAudits = 1000

func (c *Console) gone(r *http.Request, route, id string) (view, error) {
	p := gone{Route: route, ID: id, Audits: c.auditsOf(r.Context(), route, id)}
	_, err := c.cfg.API.ArchivedLetter(r.Context(), route, id)
	p.Archived = err == nil
	return view{page: "gone", title: "This dead letter is settled", nav: "dead-letters", code: http.StatusNotFound, data: p}, nil
}

// auditsOf are what the last rows of the audit say about a thing, the newest first.
func (c *Console) auditsOf(ctx context.Context, route, target string) (found []api.Audit) {
	for a, err := range c.cfg.API.Audits(ctx, client.AuditList{Route: route, Last: maxAudits}) {
		if err != nil {
			break // the page is worth more without it than none
		}
		if a.Target == target {
			found = append([]api.Audit{a}, found...)
		}
	}
	return found
}
