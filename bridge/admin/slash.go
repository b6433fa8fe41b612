package admin

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
)

// loneSlash stands for a slash that is the whole of a key or an id: an
// http.ServeMux takes such a part of a path, %2F, for the end of it, and finds
// nothing. Nobody's key is this.
var loneSlash = "slash-" + rand.Text()

// wholly has a mux see keys that are a slash.
func wholly(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts, found := strings.Split(r.URL.EscapedPath(), "/"), false
		for i, part := range parts {
			if strings.EqualFold(part, "%2F") {
				parts[i], found = loneSlash, true
			}
		}
		if found {
			r = r.Clone(r.Context())
			r.URL.RawPath = strings.Join(parts, "/")
			r.URL.Path, _ = url.PathUnescape(r.URL.RawPath) // it was escaped well before
		}
		mux.ServeHTTP(w, r)
	})
}

// wholeKeys gives a handler the slash back.
func wholeKeys(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"key", "id"} {
			if r.PathValue(name) == loneSlash {
				r.SetPathValue(name, "/")
			}
		}
		next(w, r)
	}
}
