package admin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// reachable refuses to listen where others get to without being known.
func reachable(c Config) error {
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		return fmt.Errorf("admin: listen address %q: want host:port, such as 127.0.0.1:8321", c.Listen)
	case isLoopback(host):
		return nil
	case len(c.Tokens) == 0:
		return fmt.Errorf("admin: listen address %q: without tokens only loopback addresses are served, such as 127.0.0.1", c.Listen)
	case c.TLS == nil && !c.BehindProxy:
		return fmt.Errorf("admin: listen address %q: without TLS, or a proxy that has it, only loopback addresses are served, such as 127.0.0.1", c.Listen)
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// meant reports whether the Host header of a request names this server: a name
// of loopback, the host it listens on, one of those it was given, or the address
// at which the request came in. A name that somebody else has made to lead here
// is none of these. The port is left open: a tunnel has one of its own.
func (s *Server) meant(r *http.Request) bool {
	name := hostname(r.Host)
	own, _, _ := net.SplitHostPort(s.cfg.Listen)
	switch ip, err := netip.ParseAddr(name); {
	case name == "":
		return false
	case isLoopback(name), slices.Contains(s.cfg.Hosts, name):
		return true
	case err == nil:
		return ip.Unmap() == localAddr(r)
	}
	return name == strings.ToLower(own)
}

// hostname is a Host header without its port, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return strings.ToLower(host)
}

// localAddr is the address of ours that a request came in at.
func localAddr(r *http.Request) netip.Addr {
	if tcp, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
