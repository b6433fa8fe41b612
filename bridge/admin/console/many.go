package console

import (
	"context"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// confirmAbove is how many messages somebody may discard without typing how many
// they are.
const confirmAbove = 100

// many is a change of many dead letters.
type many struct {
	filter
	ids []string
	do  string
}

// isMany reports whether an order is about more than one dead letter by its id.
func isMany(o order) bool {
	f, err := filterOf(o.About, actReason)
	return len(o.About["id"]) != 1 || err != nil || !f.none() || o.About.Get("all") != ""
}

// manyOf reads what a change is about. What is not said is not meant: all has to be
// asked for.
func manyOf(o order) (m many, err error) {
	m = many{do: o.Verb, ids: slices.Compact(slices.Sorted(slices.Values(o.About["id"])))}
	if m.filter, err = filterOf(o.About, actReason); err != nil {
		return m, err
	}
	all := o.About.Get("all") == "true"
	switch {
	case len(m.ids) > 0 && (all || !m.none()), all && !m.none():
		return m, &api.Error{Code: api.BadRequest, Message: "either messages by their ids, or a filter, or all", Hint: "go back and choose one"}
	case len(m.ids) == 0 && m.none() && !all:
		return m, &api.Error{Code: api.BadRequest, Message: "no message is selected", Hint: "go back and tick the boxes of those that are meant, or take all that the list shows"}
	}
	return m, nil
}

// request is what the API is asked for.
func (m many) request(o order, dry bool) (r api.Request, err error) {
	ch := o.change(dry)
	r = api.Request{Reason: ch.Reason, By: ch.By, DryRun: dry, Action: m.do, Selection: m.selection()}
	r.Selection.IDs = m.ids
	r.OutOfOrder = m.do == "redrive" && ch.OutOfOrder
	if r.Rate, err = positive(o.Form, "rate", math.MaxFloat64); err != nil {
		return r, err
	}
	if m.do != "redrive" {
		return r, nil
	}
	canary, err := positive(o.Form, "canary", 1e6)
	if err == nil && canary != math.Trunc(canary) {
		err = &api.Error{Code: api.BadRequest, Message: "the canary is a number of messages"}
	}
	if err != nil {
		return r, err
	}
	r.Canary = int(canary)
	percent, err := positive(o.Form, "stop_at", 100)
	r.StopAt = percent / 100
	return r, err
}

// positive reads a number of a form; empty is 0, which is none.
func positive(form url.Values, name string, most float64) (float64, error) {
	text := strings.TrimSpace(form.Get(name))
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > most {
		return 0, &api.Error{Code: api.BadRequest, Message: strings.ReplaceAll(name, "_", " ") + " is no number that makes sense here"}
	}
	return n, nil
}

// words are those of the command that does the same. It does not wait for the end
// where it would otherwise not make an operation of it, but send one by one.
func (m many) words(o order) []string {
	words := []string{"dlq", m.do, "--route", o.Route}
	words = append(words, m.flags()...)
	if len(m.ids) == 0 && m.none() {
		words = append(words, "--all")
	}
	for _, name := range []string{"rate", "canary"} {
		if n, err := positive(o.Form, name, math.MaxFloat64); err == nil && n > 0 && (name == "rate" || m.do == "redrive") {
			words = append(words, "--"+name, strconv.FormatFloat(n, 'g', -1, 64))
		}
	}
	if r, err := m.request(o, true); err == nil && r.StopAt > 0 {
		words = append(words, "--stop-at", strconv.FormatFloat(r.StopAt, 'g', -1, 64))
	}
	if m.do == "redrive" && o.change(true).OutOfOrder {
		words = append(words, "--out-of-order")
	}
	if onlyKey := m.filter == (filter{Key: m.Key}); len(m.ids) > 0 || onlyKey && !m.none() {
		words = append(words, "--detach")
	}
	return append(words, behindDashes(m.ids)...)
}

// behindDashes are ids as a command takes them, also where one looks like a flag.
func behindDashes(ids []string) []string {
	if slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "-") }) {
		return append([]string{"--"}, ids...)
	}
	return ids
}

// planOf shows what an operation would do.
func planOf(m many, p api.Plan) plan {
	out := plan{Says: p.Says}
	if p.Messages == 0 {
		out.Stop = "There is nothing to do: no dead letter is selected by this, or not any more."
		return out
	}
	keys := count(p.Keys)
	if p.MoreKeys {
		keys = "more than " + keys
	}
	out.Facts = []fact{{"Messages", count(p.Messages)}, {"Keys", keys}}
	for _, f := range []struct {
		name string
		n    int64
	}{
		{"Their keys wait for", p.InOrder},
		{"Parked behind them", p.ParkedBehind},
		{"Nothing waits for", p.Arrive},
		{"Out of order", p.OutOfOrder},
		{"Refused, and stay", p.Refused},
	} {
		if f.n > 0 {
			out.Facts = append(out.Facts, fact{f.name, count(f.n)})
		}
	}
	takes := "as fast as the target takes them"
	if p.TakesSeconds > 0 {
		takes = span(time.Duration(p.TakesSeconds) * time.Second)
	}
	out.Facts = append(out.Facts, fact{"Takes", takes})
	out.Warns = warnsOf(m, p)
	if m.do == "discard" && p.Messages > confirmAbove {
		out.Confirm = p.Messages
	}
	return out
}

// warnsOf is what else should be known of a plan.
func warnsOf(m many, p api.Plan) (warns []string) {
	if p.Looked < p.Messages {
		warns = append(warns, "Only the first "+count(p.Looked)+" messages were looked at one by one: what is said of order, and of what is refused, is of those.")
	}
	if p.Refused > 0 && p.Refusal != "" {
		warns = append(warns, plural(p.Refused, "message is", "messages are")+" refused and stay dead letters: "+p.Refusal)
	}
	if p.OutOfOrder > 0 {
		warns = append(warns, "Consumers see "+plural(p.OutOfOrder, "message", "messages")+" behind later revisions of the same key.")
	}
	if m.do == "discard" {
		warns = append(warns, discardWarning)
	}
	return warns
}

// discardWarning is what is said before something is discarded.
const discardWarning = "What is discarded is gone for good. Archiving keeps it."

var (
	rateField       = field{Name: "rate", Label: "At most so many a second", Hint: "empty: as fast as it goes", Kind: "number"}
	outOfOrderField = field{Name: "out_of_order", Label: "Out of order: also where later revisions of the key have been sent", Kind: "checkbox"}
	redriveFields   = []field{
		{Name: "canary", Label: "Try so many first (canary)", Hint: "the others follow if none of them fails again; empty: all at once", Kind: "number"},
		rateField,
		{Name: "stop_at", Label: "Stop when more than this percentage fails again", Hint: "of 20 messages at least; empty: 50; 100: it never stops", Kind: "number"},
		outOfOrderField,
	}
)

// manyVerb is a change of many dead letters, which is an operation of the bridge.
func manyVerb(title, button string, danger bool, fields []field) verb {
	return verb{
		title: title, button: button, danger: danger, fields: fields,
		command: func(o order) []string {
			m, _ := manyOf(o)
			return m.words(o)
		},
		plan: func(ctx context.Context, c *Console, o order) (plan, error) {
			m, begun, err := c.begin(ctx, o, true)
			if err != nil || begun.Plan == nil {
				return plan{Stop: "The bridge has made no plan for this."}, err
			}
			return planOf(m, *begun.Plan), nil
		},
		do: func(ctx context.Context, c *Console, o order) (says, next string, err error) {
			_, begun, err := c.begin(ctx, o, false)
			if err != nil || begun.Operation == nil {
				return "It has begun.", operationsPath(o.Route), err
			}
			return "It has begun, and needs nobody to wait for it: this page shows how far it is.", operationPath(o.Route, begun.Operation.ID), nil
		},
	}
}

// begin plans an operation, or begins it.
func (c *Console) begin(ctx context.Context, o order, dry bool) (m many, begun api.Begun, err error) {
	if m, err = manyOf(o); err != nil {
		return m, begun, err
	}
	r, err := m.request(o, dry)
	if err != nil {
		return m, begun, err
	}
	begun, err = c.cfg.API.Begin(ctx, o.Route, r)
	return m, begun, err
}
