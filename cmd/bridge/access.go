package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/admin/mask"
	"github.com/brokerbridge/bridge/bridge/config"
)

// tokenVariable holds the token of who asks. It is no flag: a command line is
// seen by everybody on the machine.
const tokenVariable = "BRIDGE_TOKEN"

// access are the flags that say who asks, and whom to believe.
type access struct{ tokenFile, ca, cert, key string }

func (a *access) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.tokenFile, "token-file", "", "`file` with the token to ask with (default: the variable "+tokenVariable+")")
	f.StringVar(&a.ca, "ca", "", "PEM `file` with the authorities to trust of https (default: the system's)")
	f.StringVar(&a.cert, "cert", "", "PEM `file` with our certificate, where the bridge asks for one; with --cert-key")
	f.StringVar(&a.key, "cert-key", "", "PEM `file` with the private key of --cert")
	for _, name := range []string{"token-file", "ca", "cert", "cert-key"} {
		_ = cmd.MarkFlagFilename(name) // it fails only for flags that do not exist
	}
}

func (a *access) options() (o client.Options, err error) {
	token := os.Getenv(tokenVariable)
	if a.tokenFile != "" {
		data, err := os.ReadFile(a.tokenFile)
		if err != nil {
			return o, &exitError{invalid, fmt.Errorf("read the token: %w", err), ""}
		}
		token = string(data)
	}
	token = strings.TrimSpace(token)
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return o, &exitError{invalid, errors.New("the token holds more than one word, or what is not ASCII"), ""}
	}
	return client.Options{Token: token, CA: a.ca, Cert: a.cert, Key: a.key}, nil
}

// unanswered says what to do where a bridge cannot be reached.
func unanswered(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return "--ca FILE names the authority of its certificate"
	case errors.As(err, &name):
		return "ask by a name that its certificate has: --admin https://NAME:PORT"
	case strings.Contains(err.Error(), "certificate required"), strings.Contains(err.Error(), "bad certificate"):
		return "it wants a certificate: --cert FILE --cert-key FILE"
	case strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return "it does not encrypt: --admin http://ADDRESS"
	}
	return "start a bridge with: bridge run; if one listens elsewhere, say where with --admin URL or -c FILE"
}

// urlOf is where the admin interface of a topology is asked, of which the address
// that it listens on is known. One that means every address is asked on this
// machine: by the name that its certificate is for, if one is given.
func urlOf(a config.Admin, address string) string {
	scheme := "http"
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return scheme + "://" + address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if a.TLS != nil && len(a.Hosts) > 0 {
			host = a.Hosts[0]
		}
	}
	if a.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// allow fills in who may ask.
func allow(a config.Admin, c admin.Config) admin.Config {
	c.Mask, c.TraceURL = maskOf(a.Mask), a.TraceURL
	c.Listen, c.BehindProxy, c.ReadOnly, c.Hosts = a.Listen, a.BehindProxy, a.ReadOnly, a.Hosts
	if a.TLS != nil {
		c.TLS = &admin.TLS{Cert: a.TLS.Cert, Key: a.TLS.Key, ClientCA: a.TLS.ClientCA}
	}
	for _, t := range a.Tokens {
		role, _ := admin.ParseRole(string(t.Role)) // none is nobody's
		c.Tokens = append(c.Tokens, admin.Token{Name: t.Name, Role: role, Sum: t.Sum(), Payloads: admin.Payloads(t.Payloads)})
	}
	return c
}

// maskOf compiles what is masked.
func maskOf(m config.Mask) *mask.Rules {
	var fields []mask.Path
	for _, path := range m.Fields {
		var steps mask.Path
		for _, step := range path {
			steps = append(steps, mask.Step(step))
		}
		fields = append(fields, steps)
	}
	return mask.New(m.Headers, fields)
}

// sayWhoMayAsk logs who may ask the admin interface, and for what.
func sayWhoMayAsk(log *slog.Logger, a config.Admin) {
	var names []string
	for _, t := range a.Tokens {
		names = append(names, fmt.Sprintf("%s (%s)", t.Name, t.Role))
	}
	may := "read and change"
	if a.ReadOnly {
		may = "read"
	}
	if len(names) == 0 {
		log.Info("the admin API is open to whoever is on this machine", "may", may)
		return
	}
	over := "http"
	switch {
	case a.TLS != nil:
		over = "https"
	case a.BehindProxy:
		over = "http, behind a proxy"
	}
	log.Info("the admin API wants a token", "of", strings.Join(names, ", "), "may", may, "over", over)
}
