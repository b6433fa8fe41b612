package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Fault is why there is no encrypted connection. It is no fault of a message, and
// the next try may find it mended.
type Fault struct {
	What string // for an operator
	Err  error
}

// Error is what and why.
func (f *Fault) Error() string {
	if strings.Contains(f.What, f.Err.Error()) {
		return f.What
	}
	return f.What + " (" + f.Err.Error() + ")"
}

// Unwrap returns Err.
func (f *Fault) Unwrap() error { return f.Err }

// inHandshake says in an operator's words why a handshake failed.
func inHandshake(err error) error {
	if what := what(err); what != "" {
		return &Fault{what, err}
	}
	if hungUp(err) {
		return &Fault{"the server closed the connection during the TLS handshake: it may speak no TLS on this port", plain(err)}
	}
	return err
}

func what(err error) string {
	var (
		unknown  x509.UnknownAuthorityError
		name     x509.HostnameError
		invalid  x509.CertificateInvalidError
		noRecord tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return "the server's certificate is signed by nobody whom we trust: tls.ca names another authority, or none"
	case errors.As(err, &name):
		return fmt.Sprintf("the server's certificate is not for %s: set tls.server_name, or renew it", name.Host)
	case errors.As(err, &invalid):
		return whyInvalid(invalid)
	case errors.As(err, &noRecord):
		return "the server speaks no TLS on this port"
	case strings.Contains(err.Error(), "protocol version"):
		return "the server is too old: it does not speak TLS 1.2"
	}
	return alert(err)
}

func whyInvalid(err x509.CertificateInvalidError) string {
	switch {
	case err.Reason != x509.Expired || err.Cert == nil:
		return "the server's certificate is not valid"
	case time.Now().Before(err.Cert.NotBefore):
		return "the server's certificate is not valid before " + err.Cert.NotBefore.UTC().Format(time.RFC3339)
	default:
		return "the server's certificate has expired on " + err.Cert.NotAfter.UTC().Format(time.RFC3339)
	}
}

// alert is what the server's last word means. The package tls does not export the
// type of it.
func alert(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return ""
	}
	text := op.Err.Error()
	switch {
	case strings.Contains(text, "certificate required"):
		return "the server wants a client certificate, signed by an authority that it trusts: see tls.cert and tls.key"
	case strings.Contains(text, "expired certificate"):
		return "the server refuses our client certificate: it has expired"
	case strings.Contains(text, "certificate"):
		return "the server refuses our client certificate"
	case strings.Contains(text, "handshake failure"):
		return "the server refuses the TLS handshake: it may want a client certificate (tls.cert, tls.key), or no cipher suits both"
	}
	return "the server ended the TLS connection"
}

// plain is the end of a connection of which only the text is left: clients that
// recognise it have words of their own for it. A reset they may know what to do about.
func plain(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New(err.Error())
	}
	return err
}

// hungUp reports that the other side is gone, without a word.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// heard is a connection whose server was heard, or not yet. With TLS 1.3 a server
// refuses a client's certificate after the handshake, and its last word may be
// lost.
type heard struct {
	*tls.Conn
	once  atomic.Bool
	fault atomic.Pointer[Fault] // the first
}

// FaultOf is the first fault of an encrypted connection, or nil: clients that meet
// it may tell something else.
func FaultOf(conn net.Conn) error {
	if h, ok := conn.(*heard); ok {
		if f := h.fault.Load(); f != nil {
			return f
		}
	}
	return nil
}

// Read reads.
func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if n > 0 {
		h.once.Store(true)
	}
	return n, h.words(err)
}

// Write writes.
func (h *heard) Write(p []byte) (int, error) {
	n, err := h.Conn.Write(p)
	return n, h.words(err)
}

func (h *heard) words(err error) error {
	if err == nil {
		return nil
	}
	says := what(err)
	if says == "" && !h.once.Load() && hungUp(err) {
		says = "the server closed the connection right after the TLS handshake: it may want a client certificate (tls.cert, tls.key), or refuse ours"
		err = plain(err)
	}
	if says == "" {
		return err
	}
	f := &Fault{says, err}
	h.fault.CompareAndSwap(nil, f)
	return f
}
