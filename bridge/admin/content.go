package admin

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/mask"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Payloads is how much of headers and bodies a caller sees. It is a right of its
// own, beside the role: who redrives dead letters need not read them.
type Payloads string

// What a caller may see. The zero value is PayloadsMasked for a [Token].
const (
	PayloadsHidden Payloads = "hidden" // names of headers, and sizes
	PayloadsMasked Payloads = "masked" // all but what Config.Mask says
	PayloadsFull   Payloads = "full"   // all; only this may export and edit
)

// sees is what a caller sees of payloads: masked is full where nothing is masked.
func (s *Server) sees(p Payloads) Payloads {
	p = cmp.Or(p, PayloadsMasked)
	if p == PayloadsMasked && s.cfg.Mask.None() {
		return PayloadsFull
	}
	return p
}

// whole serves what cannot be masked, because it is given back one day: to those
// who see payloads in full.
func whole(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if p := callerOf(r).payloads; p != PayloadsFull {
			fail(w, http.StatusForbidden, api.PayloadsForbidden, fmt.Sprintf("this takes or gives messages whole, and payloads are %s for you", p),
				"payloads: full of a token in the topology file allows it; without tokens nobody has it while admin.mask is set")
			return
		}
		next(w, r)
	}
}

// content is a message as a caller may see it. Whatever an answer has of headers,
// bodies and errors goes through it.
type content struct {
	m        *store.Message
	payloads Payloads
	rules    *mask.Rules

	looked bool   // the rest is known
	masked []byte // the body
	why    string // the body is not shown
	values *mask.Values
	opaque [][]byte // in which no value can be told from the other
}

// contentOf is how the caller of a request may see a message. Who is not known
// sees nothing.
func (s *Server) contentOf(ctx context.Context, m *store.Message) *content {
	return &content{m: m, payloads: cmp.Or(callerIn(ctx).payloads, PayloadsHidden), rules: s.cfg.Mask}
}

// level is what the answer says of it: nothing where all is shown.
func (c *content) level() string {
	if c.payloads == PayloadsFull {
		return ""
	}
	return string(c.payloads)
}

// look masks the body and the headers, and learns what it must not say elsewhere.
func (c *content) look() {
	if c.looked {
		return
	}
	c.looked = true
	if c.masked, c.values, c.why = c.rules.Body(c.m.Payload); c.why != "" {
		c.opaque = append(c.opaque, c.m.Payload)
	}
	for name, value := range c.m.Metadata {
		switch {
		case c.rules.Header(name):
			c.values.Add(value)
		case isSidecar(name):
			_, found, why := c.rules.Sidecar(value)
			if c.values.Join(found); why != "" {
				c.opaque = append(c.opaque, []byte(value))
			}
		}
	}
}

// body is the body, at most so many bytes of it: it is masked before it is cut.
func (c *content) body(limit int) api.Bytes {
	if c.payloads == PayloadsFull || len(c.m.Payload) == 0 {
		return api.NewBytes(c.m.Payload, limit)
	}
	if c.payloads != PayloadsMasked {
		return api.Bytes{Size: len(c.m.Payload), Hidden: payloadsHidden}
	}
	if c.look(); c.why != "" {
		return api.Bytes{Size: len(c.m.Payload), Hidden: c.why}
	}
	out := api.NewBytes(c.masked, limit)
	out.Size, out.Masked = len(c.m.Payload), string(c.masked) != string(c.m.Payload)
	return out
}

const payloadsHidden = "payloads are hidden from you"

// headers are the headers by their names, at most so many, and so many bytes of
// each value.
func (c *content) headers(most, limit int) (shown []api.Header, omitted int) {
	shown = []api.Header{}
	names := sortedNames(c.m.Metadata)
	if len(names) > most {
		names, omitted = names[:most], len(names)-most
	}
	for _, name := range names {
		shown = append(shown, c.header(name, c.m.Metadata[name], limit))
	}
	return shown, omitted
}

func (c *content) header(name, value string, limit int) api.Header {
	if c.payloads == PayloadsFull {
		return api.NewHeader(name, value, limit)
	}
	out := api.NewHeader(name, "", 0)
	if c.payloads != PayloadsMasked {
		out.Value = api.Bytes{Size: len(value), Hidden: payloadsHidden}
		return out
	}
	c.look()
	masked, why := mask.Stars, ""
	switch {
	case c.rules.Header(name):
	case isSidecar(name):
		masked, _, why = c.rules.Sidecar(value)
		masked = c.without(masked, len(masked))
	default:
		masked = c.without(value, len(value))
	}
	if out.Value = api.NewBytes([]byte(masked), limit); why != "" {
		out.Value = api.Bytes{Size: len(value), Hidden: why}
	}
	out.Value.Masked = why == "" && masked != value
	return out
}

// isSidecar tells the headers in which an edge keeps what headers cannot say,
// values of headers among it.
func isSidecar(name string) bool { return name == "bridge-amqp" || name == "bridge-kafka" }

// says is a text about the message, an error most of all, which may quote it.
func (c *content) says(text string) string {
	switch {
	case text == "" || c.payloads == PayloadsFull:
		return text
	case c.payloads != PayloadsMasked:
		all := [][]byte{c.m.Payload}
		for _, value := range c.m.Metadata {
			all = append(all, []byte(value))
		}
		return mask.Words(text, mask.MaxText, all...)
	}
	c.look()
	return c.without(text, mask.MaxText)
}

// without is a text without what is masked elsewhere in the message.
func (c *content) without(text string, most int) string {
	text = c.values.In(text, most)
	if len(c.opaque) > 0 {
		text = mask.Words(text, most, c.opaque...)
	}
	return text
}

// aboutMessage begins the reason of a route that stopped at a message, in the words
// of who refused that.
const aboutMessage = "dead_letter: "

// discreet is how routes are doing, without what a message is quoted in for those who
// do not see payloads in full. Who is not known, as who asks for health, is one of
// them, unless all is open here.
func discreet(c Config) func(context.Context) []status.Route {
	if len(c.Tokens) == 0 && c.Mask.None() {
		return c.Routes
	}
	return func(ctx context.Context) []status.Route {
		all := c.Routes(ctx)
		if callerIn(ctx).payloads == PayloadsFull {
			return all
		}
		all = slices.Clone(all)
		for i := range all {
			quietly(&all[i])
		}
		return all
	}
}

// quietly takes from how a route is doing what may quote a message: why it stopped at
// one, and the failure at which its breaker opened, which was one of a message.
func quietly(r *status.Route) {
	if strings.HasPrefix(r.Reason, aboutMessage) {
		r.Reason = aboutMessage + mask.NotShown
	}
	if r.Trip != nil && r.Trip.Why != "" {
		trip := *r.Trip
		trip.Why = mask.NotShown
		r.Trip = &trip
	}
}

// shifts are the changes of a breaker, as far as a caller may read why.
func shifts(ctx context.Context, all []api.Breaker) []api.Breaker {
	all = append([]api.Breaker{}, all...)
	for i := range all {
		if all[i].Why != "" && callerIn(ctx).payloads != PayloadsFull {
			all[i].Why = mask.NotShown
		}
	}
	return all
}

// forAll is how the routes are doing, as all may know who ask here: what is told to
// many at once shows nobody what only another may see.
func (s *Server) forAll(ctx context.Context) []status.Route {
	all := caller{payloads: s.sees("")}
	for _, t := range s.cfg.Tokens {
		if s.sees(t.Payloads) != PayloadsFull {
			all.payloads = PayloadsHidden
		}
	}
	return s.cfg.Routes(context.WithValue(ctx, callerKey{}, all))
}

// traceID is how traces are named.
var traceID = regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString

// traceLink is where a trace is shown, if that is known.
func (s *Server) traceLink(trace string) string {
	if s.cfg.TraceURL == "" || !traceID(trace) {
		return ""
	}
	return strings.ReplaceAll(s.cfg.TraceURL, "{trace}", trace)
}
