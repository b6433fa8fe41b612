package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/bridge/config"
)

// login is how connections log in. What is secret is read again for
// each of them; and with oauthbearer for each time that Kafka asks for another
// token on the same connection, before the one it has expires (KIP-368).
func (b *Broker) login() sasl.Mechanism {
	s, access := b.cfg.SASL, b.access
	password := func() string { return access.Secret("kafka.sasl.password", s.Password) }
	scrammed := func(context.Context) (scram.Auth, error) {
		return scram.Auth{User: s.Username, Pass: password()}, nil
	}
	switch s.Mechanism {
	case config.ScramSHA256:
		return scram.Sha256(scrammed)
	case config.ScramSHA512:
		return scram.Sha512(scrammed)
	case config.OAuthBearer:
		return bearer{oauth.Oauth(b.tokens.auth), &b.tokens}
	default:
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			return plain.Auth{User: s.Username, Pass: password()}, nil
		})
	}
}

// bearer is OAUTHBEARER, and understands a refusal: Kafka says it as a challenge
// (RFC 7628), which the client takes for a fault of the protocol.
type bearer struct {
	sasl.Mechanism
	of *tokens
}

// Authenticate begins a login.
func (m bearer) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	s, first, err := m.Mechanism.Authenticate(ctx, host)
	return bearing{s, m.of}, first, err
}

type bearing struct {
	sasl.Session
	of *tokens
}

// Challenge is given what Kafka answers: nothing, if the token is good. One that was
// refused is not shown again, also on a connection that stood (KIP-368).
func (s bearing) Challenge(answer []byte) (bool, []byte, error) {
	if len(answer) == 0 {
		return s.Session.Challenge(answer)
	}
	s.of.forget()
	var refusal struct{ Status string }
	_ = json.Unmarshal(answer, &refusal) // it says what it says
	return false, nil, fmt.Errorf("%w: the token was refused: %s", kerr.SaslAuthenticationFailed, refusal.Status)
}

// tokens are what to log in with as oauthbearer: one from a file, or those that a
// server gives for credentials of ours.
type tokens struct {
	cfg    *config.SASL
	access *secure.Access

	asking sync.Mutex // of several logins one asks, and the others wait for what it gets

	mu   sync.Mutex // not held while asking
	last *oauth2.Token
}

const (
	tokenTimeout = 10 * time.Second
	// A token that was given is used again by other connections, unless it has
	// less than this to live: Kafka may want more of it than the client's minute.
	tokenReserve = 30 * time.Second
)

func (t *tokens) auth(ctx context.Context) (oauth.Auth, error) {
	if t.cfg.TokenURL == "" {
		return oauth.Auth{Token: t.access.Secret("kafka.sasl.token", t.cfg.Token)}, nil
	}
	t.asking.Lock()
	defer t.asking.Unlock()
	if last := t.good(); last != nil {
		return oauth.Auth{Token: last.AccessToken}, nil
	}
	fresh, err := t.ask(ctx)
	if err != nil {
		return oauth.Auth{}, err
	}
	t.keep(fresh)
	return oauth.Auth{Token: fresh.AccessToken}, nil
}

// good is the last token that was given, if it can be shown again.
func (t *tokens) good() *oauth2.Token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil || !t.last.Expiry.IsZero() && time.Until(t.last.Expiry) < tokenReserve {
		return nil
	}
	return t.last
}

// keep has the next logins show this token.
func (t *tokens) keep(token *oauth2.Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = token
}

// forget has the next login ask for another token.
func (t *tokens) forget() { t.keep(nil) }

// ask asks the server for a token. A token without an expiry is used until Kafka
// refuses it. A server that sends us elsewhere is not followed: the secret would go
// there, too.
func (t *tokens) ask(ctx context.Context) (*oauth2.Token, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Timeout:       tokenTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	credentials := clientcredentials.Config{
		TokenURL: t.cfg.TokenURL, ClientID: t.cfg.ClientID, Scopes: t.cfg.Scopes,
		ClientSecret: t.access.Secret("kafka.sasl.client_secret", t.cfg.ClientSecret),
	}
	fresh, err := credentials.Token(ctx)
	if err == nil {
		return fresh, nil
	}
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		// The error's own text has all that the server answered, which may repeat the secret.
		err = fmt.Errorf("it answered %s %s", refused.Response.Status, refused.ErrorCode)
	}
	return nil, &secure.Fault{What: "no token from " + t.cfg.TokenURL, Err: err}
}

// OnBrokerConnect is a hook of every client: it is told how a connection ended that
// was tried. A token may be refused without a challenge.
func (t *tokens) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.forget()
	}
}

// why names, of what went wrong with Kafka, that it was the login.
func (b *Broker) why(err error) error {
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Errorf("login refused: %w", err)
	case errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		return fmt.Errorf("login refused: Kafka does not offer this kafka.sasl on this listener: %w", err)
	}
	return err
}

var _ kgo.HookBrokerConnect = (*tokens)(nil)
