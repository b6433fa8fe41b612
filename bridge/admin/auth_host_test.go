package admin

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestOthersReachOnlyWhatIsProtected(t *testing.T) {
	all, files := tokens(), &TLS{Cert: "c", Key: "k"}
	for name, c := range map[string]struct {
		config Config
		fault  string
	}{
		"loopback":             {Config{Listen: "127.0.0.1:1"}, ""},
		"loopback with tokens": {Config{Listen: "[::1]:1", Tokens: all}, ""},
		"tokens and tls":       {Config{Listen: "0.0.0.0:1", Tokens: all, TLS: files}, ""},
		"tokens and a proxy":   {Config{Listen: ":1", Tokens: all, BehindProxy: true}, ""},
		"in the clear":         {Config{Listen: "0.0.0.0:1", Tokens: all}, "without TLS"},
		"no tokens":            {Config{Listen: "0.0.0.0:1", TLS: files, BehindProxy: true}, "without tokens"},
		"no port":              {Config{Listen: "127.0.0.1", Tokens: all}, "host:port"},
	} {
		if err := reachable(c.config); (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestF7OtherHostsAreTakenIfTheyAreNamed(t *testing.T) {
	s, _ := locked(t, func(c *Config) {
		c.Listen, c.BehindProxy, c.Hosts = "Own.example:8321", true, []string{"bridge.example", "203.0.113.5"}
	})
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1:1": true,
		"bridge.example": true, "Bridge.Example:443": true, "own.example": true, "203.0.113.5": true,
		"192.0.2.7": true, "[::ffff:192.0.2.7]:8321": true, // the address it came in at
		"192.0.2.8": false, "evil.example": false, "bridge.example.evil.example": false, "x.bridge.example": false, "": false,
	} {
		w := asks(s, "GET", "/livez", "", func(r *http.Request) {
			*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP("192.0.2.7"), Port: 8321}))
			r.Host = host
		})
		if (w.Code == 200) != want {
			t.Errorf("%q: %d %s", host, w.Code, w.Body)
		}
	}
}
