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

	// Hosts are names by which requests may call the bridge, in lower case, beside
	// those of loopback and the address that they came in at.
	Hosts []string

	// Mask says what of headers and bodies is shown to nobody but tokens with
	// [PayloadsFull]. Default: nothing is masked.
	Mask Mask

	// TraceURL is where a trace is shown, with {trace} in place of its id. Empty:
	// nowhere.
	TraceURL string
}

// Mask says what of messages is not for everybody who looks at them.
type Mask struct {
	// Headers are patterns of names, in lower case; * is any text.
	Headers []string

	// Fields are paths of JSON bodies.
	Fields []FieldPath
}

// FieldPath leads to values of a JSON document, from its outermost value.
type FieldPath []PathStep

// PathStep is one step of a path: to the member with the Name, or the item with
// that number; to Any; or Deep, which is any number of steps, none included.
type PathStep struct {
	Name      string
	Any, Deep bool
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
	RoleViewer   Role = "viewer"   // see everything, of payloads what Token.Payloads says
	RoleOperator Role = "operator" // let things go on: pause, redrive, skip …
	RoleAdmin    Role = "admin"    // everything
)

// Payloads is how much of headers and bodies somebody sees.
type Payloads string

// What somebody sees of payloads.
const (
	PayloadsHidden Payloads = "hidden" // names of headers, and sizes
	PayloadsMasked Payloads = "masked" // all but what Mask says; without that all
	PayloadsFull   Payloads = "full"   // all, whatever Mask says
)

// Token lets somebody in. Exactly one of Token and SHA256 is set.
type Token struct {
	// Name is who it is, for the audit. Required.
	Name string

	// Role is what he may do. Required.
	Role Role

	// Payloads is what he sees of headers and bodies. Export and edit take
	// [PayloadsFull] where anything is masked. Default masked.
	Payloads Payloads

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
