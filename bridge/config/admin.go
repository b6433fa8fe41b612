package config

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
)

// Admin is the HTTP interface: API, /livez, /readyz, /metrics. Where others can
// reach it, it has Tokens, and TLS or a proxy that has it.
type Admin struct {
	// Off is true after `admin: { listen: off }`: nothing listens.
	Off bool

	// Listen is an address and a port; port 0 takes a free one. Empty when Off.
	// Default 127.0.0.1:8321.
	Listen string

	// TLS, when set, encrypts. Nil: plain HTTP.
	TLS *ServerTLS

	// Tokens are who may ask. None: whoever is on this machine, for everything.
	Tokens []Token

	// BehindProxy says that a proxy in front has the TLS: plain HTTP is then served
	// to other machines, too. Default false.
	BehindProxy bool

	// ReadOnly refuses every change, whoever asks. Default false.
	ReadOnly bool

	// NoConsole is true after `console: off`: there are no pages for browsers.
	NoConsole bool

	// Hosts are names by which requests may call the bridge, in lower case, beside
	// those of loopback and the address that they came in at.
	Hosts []string
}

// ServerTLS is how the admin interface says who it is. The files are read again
// when they change.
type ServerTLS struct {
	// Cert and Key are PEM files. Required.
	Cert, Key string

	// ClientCA is a PEM file with the authorities of callers, who must then have a
	// certificate of theirs. Empty: callers need none.
	ClientCA string
}

// Role is what somebody may do.
type Role string

// The roles. Each may do what those before it may.
const (
	RoleViewer   Role = "viewer"   // see everything, payloads included
	RoleOperator Role = "operator" // let things go on: pause, redrive, skip …
	RoleAdmin    Role = "admin"    // everything
)

// Token lets somebody in. Exactly one of Token and SHA256 is set.
type Token struct {
	// Name is who it is, for the audit. Required.
	Name string

	// Role is what he may do. Required.
	Role Role

	// Token is the token itself, of at least 16 characters.
	Token Secret

	// SHA256 is the sum of the token, in hexadecimal digits.
	SHA256 Secret

	// Path is where the token stands in the file, for [File.Pos].
	Path string
}

// Sum is the SHA-256 of the token.
func (t Token) Sum() (sum [sha256.Size]byte) {
	if t.SHA256.IsZero() {
		return sha256.Sum256([]byte(t.Token.Reveal()))
	}
	_, _ = hex.Decode(sum[:], []byte(t.SHA256.Reveal())) // it was checked when it was read
	return sum
}

// isLoopback reports whether an address of host and port is reached from this
// machine only.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return err == nil
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
