package console

import (
	"net/http"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// login is the page that asks for a token.
type login struct {
	To    string // where it leads then
	Wrong string // why the last token did not
}

// Login asks for a token.
func (c *Console) Login(w http.ResponseWriter, r *http.Request) {
	c.draw(w, r, view{page: "login", title: "Sign in", data: login{To: r.URL.Query().Get("to")}})
}

// LoginFailed asks for another, by what was wrong with the last.
func (c *Console) LoginFailed(w http.ResponseWriter, r *http.Request, to, word string) {
	wrong, code := "This token is not known here.", http.StatusUnauthorized
	if word == api.LockedOut {
		wrong, code = "Too many wrong tokens came from your address. Try again in a minute.", http.StatusTooManyRequests
	}
	c.draw(w, r, view{page: "login", title: "Sign in", code: code, data: login{To: to, Wrong: wrong}})
}

// NotAllowed is the page for who is known, and may not.
func (c *Console) NotAllowed(w http.ResponseWriter, r *http.Request) {
	c.draw(w, r, c.trouble(&api.Error{
		Code: api.Forbidden, Message: "you are not signed in, or may not do this", Hint: "sign in with another token",
	}))
}
