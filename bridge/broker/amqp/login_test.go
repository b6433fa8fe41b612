package amqp_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/certs"
	"github.com/brokerbridge/bridge/bridge/internal/faultnet"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// settings are those of a broker as a topology file has them.
func settings(t testing.TB, amqp string) config.AMQP {
	t.Helper()
	f, err := config.Parse("test.yaml", []byte("brokers:\n  b: { amqp: "+amqp+" }\nroutes:\n"+
		"  - { name: r, from: { broker: b, queue: a }, to: { broker: b, queue: b }, order: { by: none } }\n"), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return *f.Brokers[0].AMQP
}

// E2: RabbitMQ with TLS, and what may be wrong with it, in words.
func TestE2_TLSOfRabbitMQ(t *testing.T) {
	t.Parallel()
	dir, ours, theirs := t.TempDir(), certs.New(t, "ours"), certs.New(t, "theirs")
	cert, key := ours.Issue(t, certs.Asked{Name: "server"}).Write(t, dir, "server")
	client, clientKey := ours.Issue(t, certs.Asked{Name: "client"}).Write(t, dir, "client")
	expired, expiredKey := ours.Issue(t, certs.Asked{Until: time.Now().Add(-time.Minute)}).Write(t, dir, "expired")
	addrs := rig.SecureAMQP(t, ours.File,
		rig.Listener{Cert: cert, Key: key, Options: "{verify,verify_peer},{fail_if_no_peer_cert,true}"},
		rig.Listener{Cert: cert, Key: key, Options: "{versions,['tlsv1.1']}"},
		rig.Listener{Cert: expired, Key: expiredKey})
	secure, old, late := addrs[0], addrs[1], addrs[2]
	plain, err := url.Parse(rig.AMQP(t))
	if err != nil {
		t.Fatal(err)
	}
	mine := config.TLS{CA: ours.File, Cert: client, Key: clientKey}
	for _, c := range []struct {
		name, url string
		tls       func(*config.TLS)
		want      string
	}{
		{"good", "amqps://" + secure, nil, ""},
		{"in capitals", "AMQPS://" + secure, nil, ""},
		{"wrong authority", "amqps://" + secure, func(c *config.TLS) { c.CA = theirs.File }, "signed by nobody whom we trust"},
		{"wrong host", "amqps://" + secure, func(c *config.TLS) { c.ServerName = "rabbit.example" }, "is not for rabbit.example"},
		{"no certificate", "amqps://" + secure, func(c *config.TLS) { c.Cert, c.Key = "", "" }, "client certificate"},
		{"expired", "amqps://" + late, nil, "has expired on"},
		{"too old", "amqps://" + old, nil, "does not speak TLS 1.2"},
		{"no TLS", "amqps://" + plain.Host, nil, "speaks no TLS on this port"},
		{"without TLS", "amqp://" + secure, func(c *config.TLS) { *c = config.TLS{} }, "amqps://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tls := mine
			if c.tls != nil {
				c.tls(&tls)
			}
			err := amqp.New("test", config.AMQP{URL: config.NewSecret(c.url), TLS: &tls}, nil).Ping(t.Context())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("it is said: %v, want %q", err, c.want)
			}
		})
	}
}

// E1: a password that is changed while messages flow is read from its file again.
// Until it is there the login is refused, which is said and paced.
func TestE1_PasswordIsRotated(t *testing.T) {
	t.Parallel()
	user := rig.NewUser(t, rig.Rights{Write: ".*", Read: ".*"})
	at, err := url.Parse(rig.AMQP(t))
	if err != nil {
		t.Fatal(err)
	}
	door := faultnet.NewDoor(t, at.Host)
	f := newTraffic(t, settings(t, fmt.Sprintf("{ url: %q }", user.URL(t, "amqp", door.Addr()))))
	f.flows()
	user.Change(t, "another")
	eventually(t, "the refused login is told", func() bool { return f.in.Says("login refused") })
	unavailable(t, []error{f.target.Publish("", body("x"))}, "login refused")
	before := door.Knocks()
	time.Sleep(5 * time.Second)
	if n := door.Knocks() - before; n > 16 { // of a source and a target; RabbitMQ, too, takes its time to refuse
		t.Errorf("%d logins were tried in 5 s", n)
	}
	user.Write(t, "another")
	eventually(t, "the new password is used", func() bool { return f.in.Says("") })
	f.flows()
}

// E1: a secret's file that is gone for a moment, or empty, does not end what works.
func TestE1_LastGoodPasswordIsUsed(t *testing.T) {
	t.Parallel()
	user := rig.NewUser(t, rig.Rights{Write: ".*", Read: ".*"})
	f := newTraffic(t, settings(t, fmt.Sprintf("{ url: %q }", user.URL(t, "amqp", ""))))
	f.flows()
	if err := os.Remove(user.Password); err != nil {
		t.Fatal(err)
	}
	user.Cut(t)
	f.flows()
	if out := f.log.String(); strings.Count(out, "what was read before stays in use") != 1 || strings.Contains(out, "secret@") {
		t.Error(out)
	}
}

// E2: RabbitMQ's certificate, its authority and ours are renewed while messages
// flow; the login is our certificate.
func TestE2_CertificatesAreRenewed(t *testing.T) {
	t.Parallel()
	rig.Brokers(t, "plugin", "rabbitmq_auth_mechanism_ssl")
	rig.Erlang(t, "application:set_env(rabbit, auth_mechanisms, ['PLAIN','AMQPLAIN','EXTERNAL']), "+
		"application:set_env(rabbit, ssl_cert_login_from, common_name), "+
		"application:set_env(rabbit, ssl_options, [{verify,verify_peer}])") // what the plugin looks at, whatever the listener has
	t.Cleanup(func() {
		rig.Erlang(t, "application:set_env(rabbit, auth_mechanisms, ['PLAIN','AMQPLAIN']), "+
			"application:unset_env(rabbit, ssl_cert_login_from), application:set_env(rabbit, ssl_options, [])")
	})
	user := rig.NewUser(t, rig.Rights{Write: ".*", Read: ".*"})
	dir, theirs := t.TempDir(), t.TempDir()
	ca, serverCA := filepath.Join(dir, "ca.pem"), filepath.Join(theirs, "ca.pem")
	issue := func(who *certs.Authority) {
		copyFile(t, who.File, ca)
		who.Issue(t, certs.Asked{Name: user.Name}).Write(t, dir, "client")
		who.Issue(t, certs.Asked{Name: "server"}).Write(t, theirs, "server")
	}
	first, second := certs.New(t, "first"), certs.New(t, "second")
	issue(first)
	copyFile(t, first.File, serverCA, second.File) // a listener of RabbitMQ keeps its authorities
	addr := rig.SecureAMQP(t, serverCA, rig.Listener{
		Cert: filepath.Join(theirs, "server.pem"), Key: filepath.Join(theirs, "server.key"),
		Options: "{verify,verify_peer},{fail_if_no_peer_cert,true}",
	})[0]
	f := newTraffic(t, settings(t, fmt.Sprintf("{ url: %q, auth_mechanism: external, tls: { ca: %s, cert: %s, key: %s } }",
		"amqps://"+addr+"/", ca, filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key"))))
	f.flows()
	issue(second)
	rig.Erlang(t, "ssl:clear_pem_cache(), %s", user.Cutting())
	f.flows()
	copyFile(t, first.File, ca) // now we trust another again
	user.Cut(t)
	eventually(t, "an authority that is not trusted is told", func() bool { return f.in.Says("signed by nobody whom we trust") })
}

// copyFile writes what is in a file, and in others, to another.
func copyFile(t testing.TB, from, to string, more ...string) {
	t.Helper()
	var all []byte
	for _, path := range append([]string{from}, more...) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	if err := os.WriteFile(to, all, 0o600); err != nil {
		t.Fatal(err)
	}
}

// E1: what docs/security.md says is enough.
func TestE1_LeastPermissions(t *testing.T) {
	t.Parallel()
	q, x, made := rig.Queue(t), newExchange(t, "topic"), newPlace(t, nil)
	x.Create(t)
	only := func(names ...string) string { return "^(" + strings.Join(names, "|") + ")$" }
	ends := []struct {
		name string
		may  rig.Rights
		to   config.To
	}{
		{"source", rig.Rights{Read: only(q)}, config.To{}},
		{"queue", rig.Rights{Write: `^amq\.default$`}, config.To{Queue: q}},
		{"exchange", rig.Rights{Write: only(x.exchange)}, config.To{Exchange: x.exchange, RoutingKey: config.Dynamic{Fixed: x.name}}},
		{"declared", rig.Rights{Configure: only(made.name), Write: `^amq\.default$`}, config.To{Queue: made.name, Declare: config.Declare{On: true}}},
	}
	var rights []rig.Rights
	for _, end := range ends {
		rights = append(rights, end.may)
	}
	users := rig.NewUsers(t, rights...)
	rig.Publish(t, q, texts("a")...)
	for i, end := range ends {
		t.Run(end.name, func(t *testing.T) {
			cfg := settings(t, fmt.Sprintf("{ url: %q }", users[i].URL(t, "amqp", "")))
			if end.name == "source" {
				reads(t, cfg, q)
				return
			}
			target, _ := openTargetWith(t, cfg, end.to, 0)
			eventually(t, "it may publish", func() bool { return target.Publish("", body("b")) == nil })
		})
	}
}

// reads fails unless an ordered source may do all that it wants.
func reads(t *testing.T, cfg config.AMQP, queue string) {
	t.Helper()
	src, err := amqp.New("test", cfg, nil).Source(config.From{Queue: queue}, broker.SourceOptions{Route: "route", Ordered: true})
	if err != nil {
		t.Fatal(err)
	}
	c := next(t, subscribe(t, src))
	c.Session.Ack(c.Tokens)
	if _, err := src.Lag(t.Context()); err != nil {
		t.Error(err)
	}
}

// E1, A9: a queue that may not be read concerns its route alone, is looked at again
// every few seconds, and not more often.
func TestE1_RefusedQueueConcernsItsRouteAlone(t *testing.T) {
	t.Parallel()
	mine, other := rig.Queue(t), rig.Queue(t)
	user := rig.NewUser(t, rig.Rights{Read: "^" + mine + "$"})
	b := amqp.New("test", settings(t, fmt.Sprintf("{ url: %q }", user.URL(t, "amqp", ""))), nil)
	open := func(queue string) (<-chan *message.Message, *brokertest.States) {
		s := &brokertest.States{}
		src, err := b.Source(config.From{Queue: queue}, broker.SourceOptions{Route: "route", State: s.Hear})
		if err != nil {
			t.Fatal(err)
		}
		return subscribe(t, src), s
	}
	came, _ := open(mine)
	refused, told := open(other)
	rig.Publish(t, other, texts("x")...)
	eventually(t, "the refusal is told", func() bool { return told.Says("ACCESS_REFUSED") })
	for i := range 30 {
		rig.Publish(t, mine, texts(fmt.Sprint(i))...)
		c := next(t, came)
		c.Session.Ack(c.Tokens)
	}
	user.May(t, rig.Rights{Read: ".*"})
	if c := next(t, refused); string(c.Messages[0].Payload) != "x" {
		t.Errorf("came %s", c.Messages[0].Payload)
	}
}

func texts(all ...string) (out []amqp091.Publishing) {
	for _, text := range all {
		out = append(out, amqp091.Publishing{Body: []byte(text)})
	}
	return out
}
