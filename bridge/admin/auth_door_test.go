package admin

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

func TestWhoGuessesIsLockedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := locked(t)
		guess := func(address, token string) int {
			w := asks(s, "GET", "/api/v1/routes", token, from(address))
			if w.Code == 429 && (w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "locked_out")) {
				t.Errorf("%q %s", w.Header(), w.Body)
			}
			return w.Code
		}
		for range 20 {
			if code := guess("192.0.2.1:1", ""); code != 401 {
				t.Fatalf("no token is no guess: %d", code)
			}
		}
		for i := range maxFailures {
			if code := guess(fmt.Sprintf("192.0.2.1:%d", i+1), "wrong"); code != 401 {
				t.Fatalf("guess %d: %d", i, code)
			}
			guess("192.0.2.9:1", "token-of-the-viewer") // somebody else has no share in it
		}
		for token, want := range map[string]int{"wrong": 429, "token-of-the-admin": 429, "": 401} {
			if code := guess("192.0.2.1:7", token); code != want {
				t.Errorf("then %q: %d, want %d", token, code, want)
			}
		}
		if w := asks(s, "GET", "/readyz", "wrong", from("192.0.2.1:1")); w.Code != 200 {
			t.Errorf("health: %d", w.Code)
		}
		if code := guess("192.0.2.2:1", "token-of-the-viewer"); code != 200 {
			t.Errorf("another address: %d", code)
		}
		time.Sleep(failureTime - time.Second)
		if code := guess("192.0.2.1:7", "token-of-the-viewer"); code != 429 {
			t.Errorf("too early: %d", code)
		}
		time.Sleep(time.Second)
		if code := guess("192.0.2.1:7", "token-of-the-viewer"); code != 200 {
			t.Errorf("a minute later: %d", code)
		}
	})
}

// Wrong tokens that are far apart are mistakes; a right one between them changes
// nothing.
func TestFailuresAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := locked(t)
		for i := range 4 * maxFailures {
			if w := asks(s, "GET", "/api/v1/routes", "wrong", from("192.0.2.1:1")); w.Code != 401 {
				t.Fatalf("mistake %d: %d", i, w.Code)
			}
			time.Sleep(failureTime / (maxFailures - 1))
		}
		time.Sleep(failureTime)
		for range maxFailures {
			asks(s, "GET", "/api/v1/routes", "wrong", from("192.0.2.1:1"))
			asks(s, "GET", "/api/v1/routes", "token-of-the-viewer", from("192.0.2.1:1"))
		}
		if w := asks(s, "GET", "/api/v1/routes", "token-of-the-viewer", from("192.0.2.1:1")); w.Code != 429 {
			t.Errorf("a viewer tries for more, for ever: %d", w.Code)
		}
	})
}

func TestManyGuessesAtOnceAreCounted(t *testing.T) {
	d := newDoor(tokens())
	address := netip.MustParsePrefix("192.0.2.1/32")
	var mu sync.Mutex
	tried := 0
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, _, wait := d.try(address, sha256.Sum256([]byte("wrong"))); wait == 0 {
				mu.Lock()
				tried++
				mu.Unlock()
			}
		})
	}
	if wg.Wait(); tried != maxFailures {
		t.Errorf("%d guesses were compared", tried)
	}
}

// A stranger with many addresses costs no more memory than one with some, and
// does not make us forget the address that guesses most.
func TestStrangersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(tokens())
		wrong := sha256.Sum256([]byte("wrong"))
		address := func(i int) netip.Prefix {
			return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
		}
		for i := range 3 * maxStrangers {
			d.try(address(i), wrong)
			time.Sleep(time.Millisecond)
		}
		if len(d.failed) != maxStrangers {
			t.Errorf("%d are remembered", len(d.failed))
		}
		if _, there := d.failed[address(3*maxStrangers-1)]; !there {
			t.Error("the last one was forgotten")
		}
		time.Sleep(2 * failureTime)
		if d.try(address(0), wrong); len(d.failed) != 1 {
			t.Errorf("%d are remembered for nothing", len(d.failed))
		}
	})
}

func TestWhereARequestComesFrom(t *testing.T) {
	plain, _ := locked(t)
	proxied, _ := locked(t, func(c *Config) { c.BehindProxy = true })
	for _, c := range []struct{ address, forwarded, plain, proxied string }{
		{"192.0.2.1:5", "", "192.0.2.1/32", "192.0.2.1/32"},
		{"[::ffff:192.0.2.1]:5", "", "192.0.2.1/32", "192.0.2.1/32"},
		{"[2001:db8::1:2:3:4]:5", "", "2001:db8::/64", "2001:db8::/64"},
		{"[fe80::1%eth0]:5", "", "fe80::/64", "fe80::/64"},
		{"192.0.2.1:5", "1.1.1.1, 2.2.2.2", "192.0.2.1/32", "2.2.2.2/32"},
		{"192.0.2.1:5", "1.1.1.1, 2001:db8::9", "192.0.2.1/32", "2001:db8::/64"},
		{"192.0.2.1:5", "1.1.1.1, 2.2.2.2:77", "192.0.2.1/32", "2.2.2.2/32"},
		{"192.0.2.1:5", "unknown", "192.0.2.1/32", "invalid Prefix"},
		{"@", "", "invalid Prefix", "invalid Prefix"},
	} {
		r := &http.Request{RemoteAddr: c.address, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header["X-Forwarded-For"] = []string{"9.9.9.9", c.forwarded}
		}
		if got := plain.origin(r).String(); got != c.plain {
			t.Errorf("%s %q: %s, want %s", c.address, c.forwarded, got, c.plain)
		}
		if got := proxied.origin(r).String(); got != c.proxied {
			t.Errorf("%s %q behind a proxy: %s, want %s", c.address, c.forwarded, got, c.proxied)
		}
	}
}
