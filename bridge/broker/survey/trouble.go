package survey

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// Kind is what kind of trouble keeps us from a broker.
type Kind string

// The kinds of trouble.
const (
	Unknown   Kind = "unknown"
	DNS       Kind = "dns"       // the name has no address
	Refused   Kind = "refused"   // nobody listens there
	Silent    Kind = "silent"    // no answer in time
	Stranger  Kind = "stranger"  // something else answers, or encrypted meets plain
	Login     Kind = "login"     // user or password
	VHost     Kind = "vhost"     // of RabbitMQ: it is missing, or not for this user
	Authority Kind = "authority" // the certificate is of an authority we do not trust
	Host      Kind = "host"      // the certificate is for another name
	Expired   Kind = "expired"   // the certificate is not valid today
	Plain     Kind = "plain"     // we encrypt, it does not
	Ours      Kind = "ours"      // the other side does not take our certificate, or wants one
	Files     Kind = "files"     // our own certificates cannot be read
)

// Trouble is why a broker cannot be asked.
type Trouble struct {
	Kind Kind
	Err  error // without a secret
}

// Error is that of the client, with the kind.
func (t *Trouble) Error() string { return fmt.Sprintf("%s: %v", t.Kind, t.Err) }

// Unwrap is what the client said.
func (t *Trouble) Unwrap() error { return t.Err }

// IsTLS reports whether the trouble is one of certificates and encryption.
func (t *Trouble) IsTLS() bool {
	switch t.Kind {
	case Authority, Host, Expired, Plain, Ours, Files:
		return true
	}
	return false
}

// Of finds the trouble in an error of the network or of TLS. An edge looks for what
// only its client knows before.
func Of(err error) *Trouble {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*Trouble](err); ok {
		return &Trouble{known.Kind, err}
	}
	return &Trouble{kind(err), err}
}

func kind(err error) Kind {
	var file *fs.PathError
	if errors.As(err, &file) { // before the rest: its text may name TLS, too
		return Files
	}
	if k := ofTLS(err); k != Unknown {
		return k
	}
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return DNS
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return Silent
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return Stranger
	}
	return Unknown
}

func ofTLS(err error) Kind {
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &invalid):
		if invalid.Reason == x509.Expired {
			return Expired
		}
		return Authority
	case errors.As(err, &authority):
		return Authority
	case errors.As(err, &host):
		return Host
	case errors.As(err, &record):
		return Plain
	case refusesOurs(err.Error()):
		return Ours
	case strings.Contains(err.Error(), "tls: "):
		return Authority
	}
	return Unknown
}

// refusesOurs reports whether the last word of the other side is about our
// certificate. The package tls does not export the type of it.
func refusesOurs(text string) bool {
	_, alert, ok := strings.Cut(text, "remote error: tls: ")
	return ok && strings.Contains(alert, "certificate")
}
