package admin

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// Whatever is answered, a browser neither keeps, frames nor guesses it, and runs
// nothing but our own files.
func TestF11_EveryAnswerIsGuarded(t *testing.T) {
	s, _ := locked(t)
	viewer := signedIn(t, s, RoleViewer)
	for name, ask := range map[string]func() (int, http.Header){
		"200": func() (int, http.Header) { w := viewer.sees("/"); return w.Code, w.Header() },
		"303": func() (int, http.Header) { w := opens(t, s).sees("/audit"); return w.Code, w.Header() },
		"400": func() (int, http.Header) {
			w := viewer.sees("/routes/orders/act?do=nonsense")
			return w.Code, w.Header()
		},
		"401": func() (int, http.Header) { w := opens(t, s).signsIn("a-wrong-token", "/"); return w.Code, w.Header() },
		"403": func() (int, http.Header) {
			w := viewer.asks("POST", "/routes/orders/act?do=pause", url.Values{"reason": {"r"}})
			return w.Code, w.Header()
		},
		"403 another host": func() (int, http.Header) {
			w := viewer.asks("GET", "/", nil, func(r *http.Request) { r.Host = "evil.example" })
			return w.Code, w.Header()
		},
		"404":      func() (int, http.Header) { w := viewer.sees("/nowhere"); return w.Code, w.Header() },
		"404 file": func() (int, http.Header) { w := viewer.sees("/assets/nowhere.js"); return w.Code, w.Header() },
		"404 list": func() (int, http.Header) { w := viewer.sees("/assets/"); return w.Code, w.Header() },
		"405":      func() (int, http.Header) { w := viewer.asks("TRACE", "/", nil); return w.Code, w.Header() },
		"429": func() (int, http.Header) {
			for range maxRequests {
				s.busy <- struct{}{}
			}
			defer func() {
				for range maxRequests {
					<-s.busy
				}
			}()
			w := viewer.sees("/")
			return w.Code, w.Header()
		},
		"200 API": func() (int, http.Header) {
			w := asks(s, "GET", "/api/v1/me", "token-of-the-viewer")
			return w.Code, w.Header()
		},
	} {
		code, h := ask()
		if name[:3] != strconv.Itoa(code) {
			t.Errorf("%s: %d", name, code)
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" ||
			!strings.Contains("no-store private, max-age=3600", h.Get("Cache-Control")) || h.Get("Cache-Control") == "" {
			t.Errorf("%s: %v", name, h)
		}
	}
}
