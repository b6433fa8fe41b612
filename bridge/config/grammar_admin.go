package config

import (
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

func adminForm() strict.Form[Admin] {
	off := func(a *Admin) { *a = Admin{Off: true} }
	listen := strict.Via[Admin, string]{Get: func(a *Admin) *string { return &a.Listen }, Form: listenForm()}
	object := strict.Object[Admin]{
		Meant: map[string]string{
			"addr": "listen", "address": "listen", "port": "listen", "auth": "tokens", "users": "tokens", "token": "tokens",
			"https": "tls", "cert": "tls", "proxy": "behind_proxy", "readonly": "read_only", "host": "hosts", "allowed_hosts": "hosts",
			"redact": "mask", "masking": "mask", "traces": "trace_url", "tracing": "trace_url",
		},
		Secretive: true,
		Fields: []strict.Field[Admin]{
			strict.Opt("listen", func(a *Admin) *Admin { return a }, strict.Or[Admin]{Form: listen, Words: offWord(off)},
				"An address and port, or off. Port 0: a free one. One that others reach wants tokens, and tls or behind_proxy."),
			strict.Opt("tls", func(a *Admin) **ServerTLS { return &a.TLS }, strict.Ptr[ServerTLS]{Form: serverTLSForm()},
				"Encrypt. The files are read again when they change."),
			strict.Opt("tokens", func(a *Admin) *[]Token { return &a.Tokens }, strict.List[Token]{Item: tokenForm(), Start: defaultToken, Most: maxTokens, Secretive: true},
				"Who may ask, and what for. Left out: whoever is on this machine, for everything."),
			strict.Opt("behind_proxy", func(a *Admin) *bool { return &a.BehindProxy }, strict.Flag(),
				"A proxy in front has the TLS: plain HTTP is served to other machines, too."),
			strict.Opt("read_only", func(a *Admin) *bool { return &a.ReadOnly }, strict.Flag(),
				"Refuse every change, whoever asks."),
			strict.Opt("mask", func(a *Admin) *Mask { return &a.Mask }, maskForm(),
				"What of headers and bodies is shown as ***, but to tokens with payloads: full."),
			strict.Opt("trace_url", func(a *Admin) *string { return &a.TraceURL }, traceURLForm(),
				"Where traces are shown, with {trace} for the id, such as https://jaeger.example/trace/{trace}."),
			strict.Opt("hosts", func(a *Admin) *[]string { return &a.Hosts }, strict.List[string]{Item: hostForm(), Single: true},
				"Names by which requests may call the bridge, beside localhost and its addresses."),
		},
	}
	return strict.Or[Admin]{Form: object, Words: offWord(off), Want: "off or a mapping ({ listen: … })"}
}

func listenForm() strict.Scalar[string] {
	s := strict.String()
	s.Want = "an address and port such as 127.0.0.1:8321, or off"
	s.Parse = func(text string) (string, error) {
		host, port, err := net.SplitHostPort(text)
		if err != nil {
			return "", err
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", &strict.Mismatch{Hint: "a port is a number up to 65535"}
		}
		if host != "" && !isHost(host) {
			return "", &strict.Mismatch{}
		}
		return text, nil
	}
	return s
}

func serverTLSForm() strict.Form[ServerTLS] {
	return strict.Object[ServerTLS]{
		Meant: map[string]string{"certificate": "cert", "ca": "client_ca"},
		Fields: []strict.Field[ServerTLS]{
			strict.Req("cert", func(t *ServerTLS) *string { return &t.Cert }, strict.String(),
				"A PEM file with our certificate and those between it and the authority."),
			strict.Req("key", func(t *ServerTLS) *string { return &t.Key }, strict.String(),
				"A PEM file with our private key."),
			strict.Opt("client_ca", func(t *ServerTLS) *string { return &t.ClientCA }, strict.String(),
				"A PEM file with the authorities of callers, who then need a certificate, too."),
		},
	}
}

// maxTokens is more than people share a bridge.
const maxTokens = 1000

func tokenForm() strict.Form[Token] {
	return strict.Object[Token]{
		Secretive: true,
		Located:   func(t *Token, path string) { t.Path = path },
		One:       []string{"token", "sha256"},
		Meant:     map[string]string{"user": "name", "secret": "token", "password": "token", "hash": "sha256", "sha": "sha256"},
		Fields: []strict.Field[Token]{
			strict.Req("name", func(t *Token) *string { return &t.Name }, nameForm(), "Who it is, for the audit."),
			strict.Req("role", func(t *Token) *Role { return &t.Role }, strict.Enum(RoleViewer, RoleOperator, RoleAdmin),
				"What he may do: see; also let things go on; everything."),
			strict.Opt("payloads", func(t *Token) *Payloads { return &t.Payloads }, strict.Enum(PayloadsHidden, PayloadsMasked, PayloadsFull),
				"What he sees of headers and bodies: names and sizes; all but what mask says; all, and may export and edit."),
			strict.Opt("token", func(t *Token) *Secret { return &t.Token },
				secretForm("a token of 16 to 512 letters, digits and signs, without blanks", isToken),
				"The token; better ${file:/run/secrets/alice} than the text itself."),
			strict.Opt("sha256", func(t *Token) *Secret { return &t.SHA256 },
				secretForm("the SHA-256 of a token in 64 hexadecimal digits, as sha256sum prints it", isSum),
				"Instead of the token its SHA-256, in hexadecimal digits: the file then holds no secret."),
		},
	}
}

var (
	// isToken is what a header can carry. Shorter ones could be guessed.
	isToken = regexp.MustCompile(`^[!-~]{16,512}$`).MatchString
	isSum   = regexp.MustCompile(`^[0-9a-fA-F]{64}$`).MatchString
)

var isDNSName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$`).MatchString

// isHost reports whether a text is an IP address or a name as DNS has it.
func isHost(text string) bool { return net.ParseIP(text) != nil || isDNSName(text) }

func hostForm() strict.Scalar[string] {
	s := strict.String()
	s.Want = "a host name such as bridge.example"
	s.Parse = func(text string) (string, error) {
		if !isHost(text) {
			return "", &strict.Mismatch{Hint: "without scheme and port; each name is spelled out"}
		}
		return strings.ToLower(text), nil
	}
	return s
}
