package console

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/console/strip"
)

// keyPage is a key in one of its epochs.
type keyPage struct {
	api.Explanation
	Wait      *api.Wait // of the epoch that is shown; nil: nothing is stored of it but dead letters
	Several   bool      // it has other epochs
	Ways      []wayOut
	RouteWays []wayOut
	Skips     []keySkip
	SkipsMore int // older ones that are not shown
	Line      *strip.Drawing
	LineMore  int64  // revisions above the line that are not shown
	LineTold  string // why there is no line
}

// wayOut is a way to have a key go on, with the page that goes it.
type wayOut struct {
	api.Way
	Act    template.URL // empty: it happens by itself, or elsewhere
	Button string
	Danger bool
	To     int64 // skip: the revision to go on at
}

// keySkip is a range of revisions that a key went on without.
type keySkip struct {
	api.Skip
	State string // open, closed or, where that cannot be told, nothing
	Close template.URL
}

// key shows a key.
func (c *Console) key(r *http.Request) (view, error) {
	route, key := r.PathValue("route"), r.PathValue("key")
	if key == "" {
		key = keyOf(r.URL.Query())
	}
	ctx := r.Context()
	e, err := c.cfg.API.Explain(ctx, route, key)
	if refused(err, api.UnknownKey) {
		return view{page: "nokey", title: "No such key", nav: "keys", code: http.StatusNotFound, data: keyPage{
			Explanation: api.Explanation{Route: route, KeyName: api.NewKeyName(key)},
		}}, nil
	}
	if err != nil {
		return view{}, err
	}
	p := keyPage{Explanation: e, Several: len(e.Epochs) > 1, Wait: chosen(e.Epochs, r.URL.Query().Get("epoch"))}
	p.RouteWays = ways(e.RouteWays, &p)
	if p.Wait != nil {
		p.Ways = ways(p.Wait.Ways, &p)
		if err := c.addLine(ctx, &p); err != nil {
			return view{}, err
		}
		if err := c.addSkips(ctx, &p); err != nil {
			return view{}, err
		}
	}
	return view{page: "key", title: shortKey(key), nav: "keys", data: p}, nil
}

// refused reports whether the API refused something with this word.
func refused(err error, word string) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && e.Code == word
}

// chosen is the epoch that was asked for, else the one that is blocked, else the
// latest.
func chosen(epochs []api.Wait, asked string) *api.Wait {
	if len(epochs) == 0 {
		return nil
	}
	if n, err := strconv.ParseUint(asked, 10, 32); err == nil {
		if i := slices.IndexFunc(epochs, func(w api.Wait) bool { return w.Epoch == uint32(n) }); i >= 0 {
			return &epochs[i]
		}
	}
	if i := slices.IndexFunc(epochs, func(w api.Wait) bool { return w.Blocked }); i >= 0 {
		return &epochs[i]
	}
	return &epochs[len(epochs)-1]
}

// ways are the ways out, each with the page that goes it. Which that is, its command
// says.
func ways(all []api.Way, p *keyPage) (out []wayOut) {
	for _, w := range all {
		next := wayOut{Way: w}
		words := append(strings.Fields(w.Command), "", "", "")
		switch of := strings.Join(words[:3], " "); {
		case of == "bridge routes resume" && !strings.Contains(w.Command, "--accept-offset"):
			next.Button, next.Act = "Resume…", actPage(p.Route, "resume")
		case p.Wait != nil:
			p.wayOf(of, &next)
		}
		out = append(out, next)
	}
	return out
}

// wayOf fills in the page of a way out of what the lane waits for.
func (p *keyPage) wayOf(command string, w *wayOut) {
	letter := p.Wait.DeadLetter
	switch {
	case command == "bridge keys skip" && p.Wait.Missing != nil:
		w.To = p.Wait.Missing.To + 1
		w.Button, w.Act = "Skip…", p.act("skip", "to", strconv.FormatInt(w.To, 10))
	case command == "bridge keys release" && p.Wait.State == "locked":
		w.Button, w.Act = "Release…", p.act("release", "new_epoch", "true")
	case command == "bridge keys release":
		w.Button, w.Act = "Release…", p.act("release")
	case command == "bridge dlq redrive" && letter != nil:
		w.Button, w.Act = "Redrive…", actPage(p.Route, "redrive", "id", letter.ID)
	case command == "bridge dlq discard" && letter != nil:
		w.Button, w.Act, w.Danger = "Discard…", actPage(p.Route, "discard", "id", letter.ID), true
	}
}

// act is the page of a change of this key; of this epoch, if there are several.
func (p keyPage) act(verb string, about ...string) template.URL {
	if p.Several && p.Wait != nil {
		about = append(about, "epoch", strconv.FormatUint(uint64(p.Wait.Epoch), 10))
	}
	return actPage(p.Route, verb, append([]string{"key", p.Raw()}, about...)...)
}

// Purge is the page that has the key's content forgotten.
func (p keyPage) Purge() template.URL { return actPage(p.Route, "purge", "key", p.Raw()) }

// Path is the page of this key.
func (p keyPage) Path() string { return keyPath(p.Route, p.Raw()) }

// In is the page of this key in another epoch.
func (p keyPage) In(epoch uint32) string {
	path := p.Path()
	sign := "?"
	if strings.Contains(path, "?") {
		sign = "&"
	}
	return path + sign + "epoch=" + strconv.FormatUint(uint64(epoch), 10)
}

// Letters are the dead letters of the key that are known here: the one that blocks,
// and those beside.
func (p keyPage) Letters() (all []api.DeadLetter) {
	if p.Wait != nil && p.Wait.DeadLetter != nil {
		all = append(all, *p.Wait.DeadLetter)
	}
	return append(all, p.Beside...)
}

// addLine draws the lane. A page without its line says why, and still has the rest.
func (c *Console) addLine(ctx context.Context, p *keyPage) error {
	l, err := c.cfg.API.Line(ctx, p.Route, p.Raw(), &p.Wait.Epoch)
	if e, ok := errors.AsType[*api.Error](err); ok {
		p.LineTold = e.Error()
		return nil
	}
	if err != nil {
		return err
	}
	d := strip.Draw(l.Runs)
	p.Line, p.LineMore = &d, l.Omitted
	return nil
}

// addSkips adds what the key went on without, the newest first.
func (c *Console) addSkips(ctx context.Context, p *keyPage) error {
	if p.Wait.Skipped == 0 {
		return nil
	}
	k, err := c.cfg.API.Key(ctx, p.Route, p.Raw())
	if err != nil && !refused(err, api.UnknownKey) { // what is not stored yet has none
		return err
	}
	open, whole, err := c.openSkips(ctx, p.Route)
	if err != nil {
		return err
	}
	for _, l := range k.Epochs {
		if l.Epoch != p.Wait.Epoch {
			continue
		}
		skips := l.Skips[max(0, len(l.Skips)-perPage):]
		p.SkipsMore = l.SkipsOmitted + len(l.Skips) - len(skips)
		for _, s := range slices.Backward(skips) {
			p.Skips = append(p.Skips, p.skip(s, open, whole))
		}
	}
	return nil
}

// openSkips are the open skips of a route, as far as a page shows them, and whether
// these are all.
func (c *Console) openSkips(ctx context.Context, route string) ([]api.OpenSkip, bool, error) {
	page, err := ask[api.OpenSkip](ctx, c, route, "skips", url.Values{"limit": {strconv.Itoa(perPage)}})
	return page.Items, len(page.Items) < perPage, err
}

// skip is a skip of this key, with whether somebody has seen to it.
func (p keyPage) skip(s api.Skip, open []api.OpenSkip, whole bool) keySkip {
	out := keySkip{Skip: s}
	isOpen := func(o api.OpenSkip) bool {
		return o.Raw() == p.Raw() && o.Epoch == p.Wait.Epoch && o.From == s.From
	}
	switch {
	case slices.ContainsFunc(open, isOpen):
		out.State, out.Close = "open", p.act("close", "from", strconv.FormatInt(s.From, 10))
	case whole:
		out.State = "closed"
	}
	return out
}
