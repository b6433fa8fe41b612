package admin

import (
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	maxFailures  = 5 // wrong tokens of an address …
	failureTime  = time.Minute
	maxStrangers = 4096 // addresses that are remembered
)

// door compares tokens, and is closed for a while to an address that has guessed
// wrong too often. A right token does not make up for wrong ones: whoever has
// one could then try for a better one for ever.
type door struct {
	tokens []Token

	mu     sync.Mutex
	failed map[netip.Prefix]failures
}

// failures are the wrong tokens of an address, until they are forgotten.
type failures struct {
	count int
	until time.Time
}

func newDoor(tokens []Token) *door {
	return &door{tokens: tokens, failed: map[netip.Prefix]failures{}}
}

// try says whose token this is, or how long to wait before the next try. It is
// one at a time, so that many tries at once do not get past the count.
func (d *door) try(from netip.Prefix, sum [32]byte) (who caller, ok bool, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	f := d.failed[from]
	if !now.Before(f.until) {
		f = failures{until: now.Add(failureTime)}
	}
	if f.count >= maxFailures {
		return caller{}, false, f.until.Sub(now)
	}
	for _, t := range d.tokens { // all of them, so that the time tells nothing
		if subtle.ConstantTimeCompare(t.Sum[:], sum[:]) == 1 {
			who, ok = caller{name: t.Name, role: t.Role, payloads: t.Payloads}, true
		}
	}
	if ok {
		return who, true, 0
	}
	if f.count++; f.count == maxFailures {
		f.until = now.Add(failureTime)
	}
	d.remember(from, f, now)
	return caller{}, false, 0
}

// remember keeps an address, and forgets others where there are too many: those
// that are over, else the one that is over first.
func (d *door) remember(from netip.Prefix, f failures, now time.Time) {
	if _, known := d.failed[from]; !known && len(d.failed) >= maxStrangers {
		first, at := netip.Prefix{}, f.until.Add(failureTime)
		for p, old := range d.failed {
			switch {
			case !now.Before(old.until):
				delete(d.failed, p)
			case old.until.Before(at):
				first, at = p, old.until
			}
		}
		if len(d.failed) >= maxStrangers {
			delete(d.failed, first)
		}
	}
	d.failed[from] = f
}

// origin is the address that a request comes from; of IPv6 the network, which
// has one owner and addresses without end. Behind a proxy it is the last that
// the proxy names: what stands before may be anybody's invention.
func (s *Server) origin(r *http.Request) netip.Prefix {
	text := r.RemoteAddr
	if via := r.Header.Values("X-Forwarded-For"); s.cfg.BehindProxy && len(via) > 0 {
		all := strings.Split(via[len(via)-1], ",")
		text = strings.TrimSpace(all[len(all)-1])
	}
	addr, err := netip.ParseAddr(text)
	if port, portErr := netip.ParseAddrPort(text); err != nil && portErr == nil {
		addr = port.Addr()
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	network, _ := addr.Prefix(bits) // none for what is no address: all of those are one
	return network
}
