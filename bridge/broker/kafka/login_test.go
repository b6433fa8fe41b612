package kafka_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/certs"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/bridge/internal/securedkafka"
	"github.com/brokerbridge/bridge/policies"
)

// settings are those of a broker as a topology file has them.
func settings(t testing.TB, kafka string, args ...any) config.Kafka {
	t.Helper()
	f, err := config.Parse("test.yaml", []byte("brokers:\n  b: { kafka: "+fmt.Sprintf(kafka, args...)+" }\nroutes:\n"+
		"  - { name: r, from: { broker: b, topic: a }, to: { broker: b, topic: b }, order: { by: none } }\n"), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return *f.Brokers[0].Kafka
}

// everything is what a route needs of its topic and its group.
func everything(t testing.TB, c *securedkafka.Cluster, user, topic, group string) {
	t.Helper()
	c.Allow(t, user, kmsg.ACLResourceTypeTopic, topic, kmsg.ACLOperationRead, kmsg.ACLOperationWrite)
	c.Allow(t, user, kmsg.ACLResourceTypeGroup, group, kmsg.ACLOperationRead)
}

// E1: a login by each mechanism, with and without TLS, from a topology file to
// messages that flow.
func TestE1_LoginsOfKafka(t *testing.T) {
	t.Parallel()
	c := securedkafka.Start(t)
	dir := t.TempDir()
	scram, certified, bearer, client := rig.Name(t), "certified", "bearer", "client"
	c.User(t, scram, "scram-secret")
	cert, key := c.CA.Issue(t, certs.Asked{Name: certified}).Write(t, dir, "client")
	token := filepath.Join(dir, "token")
	write(t, token, securedkafka.Token(bearer, time.Hour))
	for name, login := range map[string]struct{ who, settings string }{
		"plain":       {securedkafka.Plain, fmt.Sprintf("{ brokers: %s, sasl: { mechanism: plain, username: %s, password: %s } }", c.Login, securedkafka.Plain, securedkafka.PlainPassword)},
		"scram-256":   {scram, fmt.Sprintf("{ brokers: %s, sasl: { mechanism: scram-sha-256, username: %s, password: scram-secret } }", c.Login, scram)},
		"scram-512":   {scram, fmt.Sprintf("{ brokers: %s, tls: { ca: %s }, sasl: { mechanism: scram-sha-512, username: %s, password: scram-secret } }", c.Both, c.CA.File, scram)},
		"certificate": {certified, fmt.Sprintf("{ brokers: %s, tls: { ca: %s, cert: %s, key: %s } }", c.Cert, c.CA.File, cert, key)},
		"token":       {bearer, fmt.Sprintf("{ brokers: %s, sasl: { mechanism: oauthbearer, token: \"${file:%s}\" } }", c.Login, token)},
		"credentials": {client, fmt.Sprintf("{ brokers: %s, sasl: { mechanism: oauthbearer, token_url: \"%s\", client_id: %s, client_secret: hunter2, scopes: [kafka] } }", c.Login, tokens(t, client), client)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topic, group := c.Topic(t, 1), rig.Name(t)
			everything(t, c, login.who, topic, group)
			cfg := settings(t, "%s", login.settings)
			if err := kafka.New("test", cfg, nil).Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			newTraffic(t, topic, group, cfg).flows()
		})
	}
}

// tokens gives a token for a client's credentials, as RFC 6749 has it.
func tokens(t *testing.T, client string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		if id != client || secret != "hunter2" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "kafka" {
			w.WriteHeader(http.StatusUnauthorized)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client", "error_description": "not " + secret})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": securedkafka.Token(client, time.Minute), "token_type": "Bearer", "expires_in": 60,
		})
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// E1, E2: what refuses us is said in words; I11: without the secret.
func TestE2_RefusalsOfKafka(t *testing.T) {
	t.Parallel()
	c := securedkafka.Start(t)
	dir, theirs := t.TempDir(), certs.New(t, "theirs")
	cert, key := c.CA.Issue(t, certs.Asked{Name: "somebody"}).Write(t, dir, "client")
	for name, refused := range map[string]struct{ settings, want string }{
		"wrong password":  {fmt.Sprintf("{ brokers: %s, sasl: { mechanism: plain, username: %s, password: hunter2 } }", c.Login, securedkafka.Plain), "login refused"},
		"wrong scram":     {fmt.Sprintf("{ brokers: %s, sasl: { mechanism: scram-sha-512, username: nobody, password: hunter2 } }", c.Login), "login refused"},
		"wrong token":     {fmt.Sprintf("{ brokers: %s, sasl: { mechanism: oauthbearer, token: hunter2 } }", c.Login), "login refused"},
		"expired token":   {fmt.Sprintf("{ brokers: %s, sasl: { mechanism: oauthbearer, token: %s } }", c.Login, securedkafka.Token("somebody", -time.Second)), "login refused"},
		"wrong secret":    {fmt.Sprintf("{ brokers: %s, sasl: { mechanism: oauthbearer, token_url: \"%s\", client_id: me, client_secret: hunter2 } }", c.Login, tokens(t, "other")), "401 Unauthorized invalid_client"},
		"no TLS":          {fmt.Sprintf("{ brokers: %s, tls: { ca: %s } }", c.Admin, c.CA.File), "may speak no TLS on this port"},
		"wrong authority": {fmt.Sprintf("{ brokers: %s, tls: { ca: %s, cert: %s, key: %s } }", c.Cert, theirs.File, cert, key), "signed by nobody whom we trust"},
		"wrong host":      {fmt.Sprintf("{ brokers: %s, tls: { ca: %s, server_name: kafka.example } }", c.Cert, c.CA.File), "is not for kafka.example"},
		"no certificate":  {fmt.Sprintf("{ brokers: %s, tls: { ca: %s } }", c.Cert, c.CA.File), "client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := kafka.New("test", settings(t, "%s", refused.settings), nil)
			said, log := &brokertest.States{}, &brokertest.Log{}
			if err := b.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), refused.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Ping says: %v, want %q", err, refused.want)
			}
			b = kafka.New("test", settings(t, "%s", refused.settings), slog.New(slog.NewTextHandler(log, nil)))
			target, err := b.Target(config.To{Topic: config.Dynamic{Fixed: "t"}}, broker.TargetOptions{Route: "route", State: said.Hear})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = target.Close() }()
			if err := target.Publish("", &message.Message{}); policies.ClassOf(err) != policies.Unavailable {
				t.Errorf("publish: %v is %v, want it unavailable", err, policies.ClassOf(err))
			}
			if !said.Says(refused.want) || strings.Contains(log.String(), "hunter2") {
				t.Errorf("State was told %v, want %q", said, refused.want)
			}
		})
	}
}

// E1: a password that is changed while messages flow is read from its file again.
// Until it is there the login is refused, which is said and paced.
func TestE1_KafkaPasswordIsRotated(t *testing.T) {
	t.Parallel()
	c := securedkafka.Start(t)
	user, topic, group := rig.Name(t), c.Topic(t, 1), rig.Name(t)
	c.User(t, user, "first")
	everything(t, c, user, topic, group)
	password := filepath.Join(t.TempDir(), "password")
	write(t, password, "first")
	f := newTraffic(t, topic, group, settings(t, "{ brokers: %s, sasl: { mechanism: scram-sha-512, username: %s, password: \"${file:%s}\" } }", c.Login, user, password))
	f.flows()
	c.User(t, user, "second")
	f.wire.cut(false)
	eventually(t, "the refused login is told", func() bool { return f.in.Says("login refused") }, func() any { return f.in })
	before := f.wire.dialled()
	time.Sleep(5 * time.Second)
	if n := f.wire.dialled() - before; n > 60 { // of the member, its questions and the target
		t.Errorf("%d logins were tried in 5 s", n)
	}
	write(t, password, "second")
	eventually(t, "the new password is used", func() bool { return f.in.Says("") }, func() any { return f.in })
	f.flows()
}

// E1: a token is read again before it expires, on the connection that there is
// (KIP-368), and one that came too late is found by itself.
func TestE1_TokenIsReadAgain(t *testing.T) {
	t.Parallel()
	c := securedkafka.Start(t)
	user, topic, group := "renewing", c.Topic(t, 1), rig.Name(t)
	everything(t, c, user, topic, group)
	token := filepath.Join(t.TempDir(), "token")
	write(t, token, securedkafka.Token(user, time.Hour))
	f := newTraffic(t, topic, group, settings(t, "{ brokers: %s, sasl: { mechanism: oauthbearer, token: \"${file:%s}\" } }", c.Login, token))
	f.flows()
	f.wire.steady()
	for end := time.Now().Add(2*securedkafka.Lifetime + time.Second); time.Now().Before(end); {
		f.flows()
		time.Sleep(100 * time.Millisecond)
	}
	if n := f.wire.steady(); n > 0 {
		t.Errorf("%d connections were made anew", n)
	}
	if all := fmt.Sprint(f.in, f.out); strings.Contains(all, "login") || strings.Contains(all, "SASL") {
		t.Errorf("renewed in time, State was told %s", all)
	}
	write(t, token, securedkafka.Token(user, -time.Minute))
	eventually(t, "the expired token is told", func() bool { return f.in.Says("login refused") }, func() any { return f.in })
	write(t, token, securedkafka.Token(user, time.Hour))
	eventually(t, "the new one is used", func() bool { return f.in.Says("") }, func() any { return f.in })
	f.flows()
}

// E1: a token that Kafka refuses is not shown again, also by a client that only asks
// questions; here the server calls it good for an hour.
func TestE1_RefusedTokenIsForgotten(t *testing.T) {
	t.Parallel()
	c := securedkafka.Start(t)
	user, topic, group := "forgetting", c.Topic(t, 1), rig.Name(t)
	everything(t, c, user, topic, group)
	var asked atomic.Int64
	server := serving(t, func() string {
		if asked.Add(1) == 1 {
			return securedkafka.Token(user, -time.Minute)
		}
		return securedkafka.Token(user, time.Hour)
	})
	said := &brokertest.States{}
	b := kafka.New("test", settings(t, "{ brokers: %s, sasl: { mechanism: oauthbearer, token_url: \"%s\", client_id: a, client_secret: hunter2 } }", c.Login, server), nil)
	src, err := b.Source(config.From{Topic: topic, Group: group}, broker.SourceOptions{Route: "route", State: said.Hear})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if _, err := src.Subscribe(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it works with the second token", func() bool { return said.Says("") }, func() any { return said })
	if n := asked.Load(); n > 5 {
		t.Errorf("%d tokens were asked for", n)
	}
}

// serving gives tokens for an hour, it says.
func serving(t *testing.T, token func() string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token(), "token_type": "Bearer", "expires_in": 3600})
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// I11: what asks for a token does not follow where else it is sent, with the secret.
func TestI11_TokenClientFollowsNobody(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	other := serving(t, func() string { followed.Store(true); return "token" })
	s := httptest.NewServer(http.RedirectHandler(other, http.StatusTemporaryRedirect))
	t.Cleanup(s.Close)
	c := securedkafka.Start(t)
	b := kafka.New("test", settings(t, "{ brokers: %s, sasl: { mechanism: oauthbearer, token_url: \"%s\", client_id: a, client_secret: hunter2 } }", c.Login, s.URL), nil)
	err := b.Ping(t.Context())
	if followed.Load() || err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("followed: %v; Ping says: %v", followed.Load(), err)
	}
}

// E2: the broker's certificate is renewed by another authority, and so are ours,
// while messages flow.
func TestE2_KafkaCertificatesAreRenewed(t *testing.T) {
	t.Parallel()
	c := securedkafka.Start(t)
	topic, group := c.Topic(t, 1), rig.Name(t)
	everything(t, c, securedkafka.Plain, topic, group)
	second := certs.New(t, "second")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	trust := func(path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, ca, string(data))
	}
	trust(c.CA.File)
	c.Renew(t, c.CA) // what a run before has left behind
	f := newTraffic(t, topic, group, settings(t, "{ brokers: %s, tls: { ca: %s }, sasl: { mechanism: plain, username: %s, password: %s } }",
		c.Renewed, ca, securedkafka.Plain, securedkafka.PlainPassword))
	f.flows()
	c.Renew(t, second)
	f.wire.cut(false)
	eventually(t, "the strange certificate is told", func() bool { return f.in.Says("signed by nobody whom we trust") }, func() any { return f.in })
	trust(second.File)
	f.flows()
}

// E1: what docs/security.md says is enough; a topic or a group that is forbidden
// concerns its route alone, is told, and is found when it is allowed.
func TestE1_KafkaACLs(t *testing.T) {
	t.Parallel()
	c := securedkafka.Start(t)
	user := rig.Name(t)
	c.User(t, user, "secret")
	cfg := settings(t, "{ brokers: %s, sasl: { mechanism: scram-sha-256, username: %s, password: secret } }", c.Login, user)
	mine, mineGroup := c.Topic(t, 1), rig.Name(t)
	everything(t, c, user, mine, mineGroup)
	works := newTraffic(t, mine, mineGroup, cfg)
	works.flows()

	group, topic := rig.Name(t), c.Topic(t, 1)
	f := newTraffic(t, topic, group, cfg)
	eventually(t, "the topic is told", func() bool {
		return f.in.Says("TOPIC_AUTHORIZATION_FAILED") && f.out.Says("TOPIC_AUTHORIZATION_FAILED")
	}, func() any { return fmt.Sprint(f.in, f.out) })
	works.flows()
	c.Allow(t, user, kmsg.ACLResourceTypeTopic, topic, kmsg.ACLOperationRead, kmsg.ACLOperationWrite)
	eventually(t, "the group is told", func() bool { return f.in.Says("GROUP_AUTHORIZATION_FAILED") }, func() any { return f.in })
	works.flows()
	c.Allow(t, user, kmsg.ACLResourceTypeGroup, group, kmsg.ACLOperationRead)
	f.flows()

	c.Forbid(t, user, kmsg.ACLResourceTypeTopic, topic, kmsg.ACLOperationWrite)
	eventually(t, "publishing is refused", func() bool {
		err := f.target.Publish("", &message.Message{Payload: []byte("x")})
		if err != nil && policies.ClassOf(err) != policies.Unavailable {
			t.Fatalf("%v is %v", err, policies.ClassOf(err))
		}
		return err != nil
	})
	works.flows()
	c.Allow(t, user, kmsg.ACLResourceTypeTopic, topic, kmsg.ACLOperationWrite)
	f.flows()

	made := rig.Name(t)
	c.Allow(t, user, kmsg.ACLResourceTypeTopic, made, kmsg.ACLOperationWrite, kmsg.ACLOperationCreate)
	target, err := kafka.New("test", cfg, nil).Target(
		config.To{Topic: config.Dynamic{Fixed: made}, Declare: config.Declare{On: true}}, broker.TargetOptions{Route: "route"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = target.Close() }()
	eventually(t, "a topic that is missing is created", func() bool { return target.Publish("", &message.Message{}) == nil })
}
