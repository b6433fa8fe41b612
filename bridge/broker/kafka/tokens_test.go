package kafka

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/oauth2"

	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/bridge/config"
)

// A hook must not wait for a server that does not answer: the client's goroutines
// would.
func TestForgettingDoesNotWaitForAsking(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"fresh","token_type":"Bearer"}`))
	}))
	defer s.Close()
	k := &tokens{
		cfg:    &config.SASL{TokenURL: s.URL, ClientID: "a", ClientSecret: config.NewSecret("b")},
		access: secure.New(nil, slog.New(slog.DiscardHandler)),
	}
	got := make(chan string)
	go func() {
		auth, err := k.auth(t.Context())
		if err != nil {
			t.Error(err)
		}
		got <- auth.Token
	}()
	<-asked
	forgotten := make(chan struct{})
	go func() { k.forget(); close(forgotten) }()
	select {
	case <-forgotten:
	case <-time.After(5 * time.Second):
		t.Error("it waits")
	}
	close(answer)
	if token := <-got; token != "fresh" || k.good() == nil {
		t.Errorf("it logs in with %q, and keeps %v", token, k.good())
	}
}

// A refusal is known from a challenge, and from a code without one.
func TestRefusedTokenIsForgotten(t *testing.T) {
	t.Parallel()
	k := &tokens{}
	for name, refuse := range map[string]func(){
		"challenge": func() { _, _, _ = bearing{of: k}.Challenge([]byte(`{"status":"invalid_token"}`)) },
		"code":      func() { k.OnBrokerConnect(kgo.BrokerMetadata{}, 0, nil, kerr.SaslAuthenticationFailed) },
	} {
		k.keep(&oauth2.Token{AccessToken: "refused"})
		k.OnBrokerConnect(kgo.BrokerMetadata{}, 0, nil, nil)
		if k.good() == nil {
			t.Errorf("%s: forgotten before", name)
		}
		if refuse(); k.good() != nil {
			t.Errorf("%s: it would be shown again", name)
		}
	}
}
