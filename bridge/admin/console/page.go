package console

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// view is a page before it is drawn: a template of pages/, and what it shows.
type view struct {
	page  string // the file in pages/, without its ending
	title string // of the window; what is looked at
	nav   string // which entry of the menu it belongs to
	code  int    // of the answer; 0: 200
	data  any

	routes []status.Route // if the page has asked for them already
}

// frame is what every page has around it.
type frame struct {
	Title   string
	Nav     string
	Path    string // of this page, with its query: where signing in comes back to
	Me      api.Me
	Login   bool
	Version string
	Told    telling // what was just done
	Dead    int64   // dead letters, for the menu
	Blocked int64   // keys that wait until somebody acts
	Known   bool    // who looks is known, and sees the menu
	Data    any
}

// pages are the templates by name, each with the frame around it.
type pages struct{ all map[string]*template.Template }

// readPages reads the templates. They are part of the program: one that cannot be
// read is found by the first test.
func readPages() *pages {
	shared := template.Must(template.New("").Funcs(template.FuncMap{"asset": assetPath}).Funcs(words).Funcs(letterWords).Funcs(keyWords).ParseFS(files, "pages/frame.html", "pages/parts.html"))
	p := &pages{map[string]*template.Template{}}
	entries, _ := files.ReadDir("pages")
	for _, e := range entries {
		name, _ := strings.CutSuffix(e.Name(), ".html")
		if name == "frame" || name == "parts" {
			continue
		}
		p.all[name] = template.Must(template.Must(shared.Clone()).ParseFS(files, "pages/"+e.Name()))
	}
	return p
}

// shows draws what a page is made of, or why there is none.
func (c *Console) shows(of func(*http.Request) (view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := of(r)
		if err != nil {
			v = c.trouble(err)
		}
		c.draw(w, r, v)
	}
}

// policy forbids a page all but what is ours.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// draw writes a page. It is drawn whole before a byte is sent, so that a mistake
// does not leave half of one.
func (c *Console) draw(w http.ResponseWriter, r *http.Request, v view) {
	f := frame{
		Title: v.title, Nav: v.nav, Path: r.URL.RequestURI(), Login: c.cfg.Login, Version: c.cfg.Version,
		Told: c.told.take(r.URL.Query().Get("told")), Data: v.data,
	}
	c.surround(r.Context(), &f, v.routes)
	var out bytes.Buffer
	if err := c.pages.all[v.page].ExecuteTemplate(&out, "frame", f); err != nil {
		c.log.Error("a page of the console could not be drawn", "page", v.page, "error", err)
		http.Error(w, "this page could not be drawn; the log of the bridge says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	Protect(w)
	if v.code != 0 {
		w.WriteHeader(v.code)
	}
	_, _ = out.WriteTo(w) // who has gone has nobody to tell
}

// surround fills in what the frame says of who looks, and of the routes. Where the
// API does not tell, it says less.
func (c *Console) surround(ctx context.Context, f *frame, routes []status.Route) {
	if me, err := c.cfg.API.Me(ctx); err == nil {
		f.Me = me
	}
	if routes == nil {
		var err error
		if routes, err = c.cfg.API.Routes(ctx); err != nil {
			return
		}
	}
	f.Known = true
	for _, r := range routes {
		f.Dead += r.Counts.Dead
		f.Blocked += blockedOf(r)
	}
}

// Protect sets the headers that a page needs in place of those of the API.
func Protect(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Referrer-Policy", "same-origin") // else a form's origin is withheld, too
}

// problem is a page that could not be made.
type problem struct {
	*api.Error
	Code int
}

// codes are the answers for what the API refuses; others are 500.
var codes = map[string]int{
	api.BadRequest: http.StatusBadRequest, api.NotFound: http.StatusNotFound, api.UnknownRoute: http.StatusNotFound,
	api.UnknownDeadLetter: http.StatusNotFound, api.UnknownKey: http.StatusNotFound, api.UnknownOperation: http.StatusNotFound,
	api.UnknownArchived: http.StatusNotFound, api.Forbidden: http.StatusForbidden, api.ReadOnly: http.StatusForbidden,
	api.PayloadsForbidden: http.StatusForbidden,
	api.Unauthorized:      http.StatusUnauthorized, api.Busy: http.StatusTooManyRequests, api.Timeout: http.StatusGatewayTimeout,
}

// trouble is the page that says why there is no other.
func (c *Console) trouble(err error) view {
	e, ok := errors.AsType[*api.Error](err)
	switch {
	case ok:
	case errors.Is(err, context.DeadlineExceeded):
		e = &api.Error{Code: api.Timeout, Message: "this takes longer than a page may", Hint: "the command line waits for it"}
	default:
		c.log.Warn("a page of the console could not be made", "error", err)
		e = &api.Error{Code: "failed", Message: "this page could not be made", Hint: "the log of the bridge says why"}
	}
	if strings.HasPrefix(e.Hint, "GET ") { // for who asks the API
		e = &api.Error{Code: e.Code, Message: e.Message}
	}
	code := codes[e.Code]
	if code == 0 {
		code = http.StatusInternalServerError
	}
	return view{page: "trouble", title: e.Message, code: code, data: problem{e, code}}
}

// NotFound is the page for a path that has none.
func (c *Console) NotFound(w http.ResponseWriter, r *http.Request) {
	c.draw(w, r, c.trouble(&api.Error{
		Code: api.NotFound, Message: "there is no such page", Hint: "the menu leads to all that there are",
	}))
}
