// Package console is what an operator sees of a bridge in a browser: how the
// routes are doing, what was given up and why, which keys wait and for what, and
// the ways out.
//
// # How it is made
//
// A page is HTML that the server makes of what the admin API answers, asked for by
// the one who looks: what the API does not tell or let them do, no page does. It
// reads without JavaScript; a little of our own (assets/console.js) keeps a page
// that is open up to date. What changes something is a form: its page says first
// what would be done and which command does the same, and takes a reason.
//
// A page's address is all of its state, so that it can be sent to a colleague.
//
// # What keeps it safe
//
// Content of messages enters a page as text, by html/template, and the policy of
// each page forbids any script, style, image, frame or request but our own files.
// The server that serves the pages (package admin) knows who asks, and refuses
// posts of other sites.
package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/client"
)

// Access is who gets a page.
type Access int

// The kinds of pages. The zero value is none: a page without is a mistake.
const (
	Public  Access = iota + 1 // also who has not said who they are
	Reading                   // who may see
	Acting                    // who may see is shown what would be done; the API says who may do it
)

// Page is one path of the console.
type Page struct {
	Method  string
	Path    string
	Access  Access
	Summary string // what is there, in a line
	Handle  http.HandlerFunc
}

// Config says what the console is made of.
type Config struct {
	// API answers for the bridge. It is asked with the context of the request, which
	// says who looks. Required.
	API *client.Client
	// Version is that of this program.
	Version string
	// Login says whether there are tokens, so that one can sign in and out.
	Login bool
	// Logger gets what goes wrong with a page. Nil: slog.Default.
	Logger *slog.Logger
}

// Console makes the pages. Build it with [New].
type Console struct {
	cfg   Config
	log   *slog.Logger
	pages *pages
	told  *told
	once  *once
}

//go:embed pages assets
var files embed.FS

// New prepares the pages.
func New(c Config) *Console {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Console{cfg: c, log: c.Logger, pages: readPages(), told: newTold(time.Now), once: newOnce(time.Now)}
}

// Pages are all that the console serves, but for signing in and out.
func (c *Console) Pages() []Page {
	assets, _ := fs.Sub(files, "assets") // it is embedded
	return slices.Concat(c.overviewPages(), []Page{
		{"GET", "/routes/{route}/act", Acting, "What a change would do", c.shows(c.plan)},
		{"POST", "/routes/{route}/act", Acting, "A change; the role that it needs is that of the API", c.acts},
		{"GET", "/assets/", Public, "Style and script of the pages", asset(assets)},
	}, c.letterPages(), c.operationPages(), c.keyPages())
}

// assetPath is the address of a style, script or image, which is another one when the
// file is: no browser shows the pages of a new program in the style of the old one.
func assetPath(name string) (string, error) {
	content, err := files.ReadFile("assets/" + name)
	sum := sha256.Sum256(content)
	return "/assets/" + name + "?v=" + hex.EncodeToString(sum[:4]), err
}

// asset serves a file that is the same until the program is another. There is no list
// of them.
func asset(all fs.FS) http.HandlerFunc {
	serve := http.StripPrefix("/assets/", http.FileServerFS(all))
	return func(w http.ResponseWriter, r *http.Request) {
		if f, err := fs.Stat(all, strings.TrimPrefix(r.URL.Path, "/assets/")); err != nil || f.IsDir() {
			http.Error(w, "there is no such file", http.StatusNotFound)
			return
		}
		w.Header().Set("Cache-Control", "private, max-age=3600")
		serve.ServeHTTP(w, r)
	}
}
