package config

import (
	"net/url"
	"slices"
)

// login reports what a broker cannot be logged in to with.
func (c checker) login(b Broker) {
	if b.AMQP != nil {
		c.external(b)
	}
	if b.Kafka != nil && b.Kafka.SASL != nil {
		c.sasl(b.Path+".kafka.sasl", b.Kafka.SASL)
	}
}

// external reports a login by certificate without one, or beside a password.
func (c checker) external(b Broker) {
	path := b.Path + ".amqp"
	if b.AMQP.AuthMechanism != AuthExternal || c.Faulty(path+".url") {
		return
	}
	u, err := url.Parse(b.AMQP.URL.Reveal())
	if err != nil {
		return // has a fault of its own
	}
	setting := path + ".auth_mechanism"
	if u.Scheme != "amqps" || b.AMQP.TLS == nil || b.AMQP.TLS.Cert == "" {
		c.Add(setting, "external logs in with a certificate, so it wants an amqps:// URL and tls.cert and tls.key", "")
	}
	if u.User != nil {
		c.Add(setting, "external logs in with a certificate, and the url has a user", "a URL such as amqps://host:5671/vhost")
	}
}

// sasl reports what a mechanism lacks, and what means nothing with it.
func (c checker) sasl(path string, s *SASL) {
	if s.Mechanism == "" {
		return // has a fault of its own
	}
	with, wants, may := "mechanism: "+string(s.Mechanism), []string{"username", "password"}, []string(nil)
	if s.Mechanism == OAuthBearer {
		wants = []string{"token"}
		if !c.Has(path+".token") && (c.Has(path+".token_url") || c.Has(path+".client_id") || c.Has(path+".client_secret")) {
			wants, may = []string{"token_url", "client_id", "client_secret"}, []string{"scopes"}
		} else if c.Has(path + ".token") {
			with += " and a token"
		}
	}
	for _, setting := range []string{"username", "password", "token", "token_url", "client_id", "client_secret", "scopes"} {
		at, wanted := path+"."+setting, slices.Contains(wants, setting)
		switch {
		case wanted && !c.Has(at):
			c.Add(at, setting+" is required with "+with, instead(setting))
		case !wanted && c.Has(at) && !slices.Contains(may, setting):
			c.Add(at, "means nothing with "+with, "")
		}
	}
}

// instead is what else would do.
func instead(setting string) string {
	if setting != "token" {
		return ""
	}
	return "or token_url, client_id and client_secret, to be given one"
}
