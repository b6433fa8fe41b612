package config

import (
	"net"
	"net/url"
	"regexp"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

func saslForm() strict.Form[SASL] {
	return strict.Object[SASL]{
		Secretive: true,
		Meant:     map[string]string{"user": "username", "pass": "password", "type": "mechanism", "secret": "client_secret", "scope": "scopes"},
		Fields: []strict.Field[SASL]{
			strict.Req("mechanism", func(s *SASL) *Mechanism { return &s.Mechanism },
				strict.Enum(Plain, ScramSHA256, ScramSHA512, OAuthBearer), "How to log in."),
			strict.Opt("username", func(s *SASL) *string { return &s.Username }, strict.String(), "Who logs in; not with oauthbearer."),
			strict.Opt("password", func(s *SASL) *Secret { return &s.Password }, secretForm("a text that is not empty", isFilled),
				"The password; better ${file:/run/secrets/kafka}, which is read again for each login, or ${KAFKA_PASSWORD}, than the text itself."),
			strict.Opt("token", func(s *SASL) *Secret { return &s.Token }, secretForm("a token without blanks", isBearer),
				"With oauthbearer the token, as ${file:…}: it is read again for each login, and before it expires if Kafka says when."),
			strict.Opt("token_url", func(s *SASL) *string { return &s.TokenURL }, tokenURLForm(),
				"With oauthbearer, instead of token: where one is had by client credentials (OAuth 2.0)."),
			strict.Opt("client_id", func(s *SASL) *string { return &s.ClientID }, strict.String(), "Who asks token_url."),
			strict.Opt("client_secret", func(s *SASL) *Secret { return &s.ClientSecret }, secretForm("a text that is not empty", isFilled),
				"The secret of client_id; better ${file:…} than the text itself."),
			strict.Opt("scopes", func(s *SASL) *[]string { return &s.Scopes }, scopesForm(), "What is asked for with the token; a list, or one text."),
		},
	}
}

func isFilled(text string) bool { return text != "" }

// tokenURLForm takes no address to which the client's secret would travel for
// everybody to read.
func tokenURLForm() strict.Form[string] {
	s := strict.String()
	s.Want = "a URL such as https://login.example/oauth2/token"
	s.Parse = func(text string) (string, error) {
		u, err := url.Parse(text)
		switch {
		case err != nil, u.Hostname() == "", u.User != nil, u.Scheme != "https" && u.Scheme != "http":
			return "", &strict.Mismatch{}
		case u.Scheme == "http" && !isLoopback(net.JoinHostPort(u.Hostname(), "80")):
			return "", &strict.Mismatch{Hint: "https: the client's secret is sent there"}
		}
		return text, nil
	}
	return s
}

// isScope is what RFC 6749 allows in one.
var isScope = regexp.MustCompile(`^[!#-\[\]-~]+$`).MatchString

func scopesForm() strict.Form[[]string] {
	s := strict.String()
	s.Want = "a scope, without blanks"
	s.Parse = func(text string) (string, error) {
		if !isScope(text) {
			return "", &strict.Mismatch{}
		}
		return text, nil
	}
	return strict.List[string]{Single: true, Item: s}
}
