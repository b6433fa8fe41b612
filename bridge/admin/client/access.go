package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
)

// Options say who asks, and whom to believe that it is the bridge. The zero
// value is for a bridge on this machine without tokens.
type Options struct {
	// Token is sent with every request; empty: none is. It goes to another machine
	// by https only.
	Token string
	// CA is a PEM file with the authorities to trust; empty: the system's.
	CA string
	// Cert and Key are PEM files that say who we are, for a bridge that asks for
	// certificates. Both or neither.
	Cert, Key string
}

// transport is how the bridge is reached. No proxy, whatever the environment
// says: it would see what is in the dead letters. No connection is kept, so that
// a command leaves nothing behind.
func (o Options) transport() (*http.Transport, error) {
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("read the authorities: %w", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the authorities: no certificate in %s", o.CA)
		}
	}
	if o.Cert != "" || o.Key != "" {
		cert, err := tls.LoadX509KeyPair(o.Cert, o.Key)
		if err != nil {
			return nil, fmt.Errorf("read our certificate: %w", err)
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}

// safe refuses to send a token where others could read it.
func (o Options) safe(u *url.URL) error {
	ip, _ := netip.ParseAddr(u.Hostname())
	if o.Token == "" || u.Scheme == "https" || u.Hostname() == "localhost" || ip.Unmap().IsLoopback() {
		return nil
	}
	return errors.New("a token goes to another machine by https only, and not to " + u.Scheme + "://" + u.Host)
}
