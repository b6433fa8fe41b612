package amqp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// D9: 10,000 headers, or headers nested 40 deep, end the client's connection,
// again and again. Ours takes them, marked, and what is behind them.
func TestD9_HeadersThatTheClientCannotRead(t *testing.T) {
	many, deep := amqp091.Table{}, amqp091.Table{}
	for i := range 10_000 {
		many[fmt.Sprint(i)] = nil
	}
	for range 40 {
		deep = amqp091.Table{"n": deep}
	}
	q := rig.Queue(t)
	rig.Publish(t, q,
		amqp091.Publishing{Headers: many, Body: []byte("many"), MessageId: "id"},
		amqp091.Publishing{Headers: deep, Body: []byte("deep"), AppId: "app"},
		amqp091.Publishing{Headers: amqp091.Table{"h": "v"}, Body: []byte("after")})
	got := receive(t, open(t, q, nil), 3)
	for i, body := range []string{"many", "deep", "after"} {
		if string(got[i].Payload) != body || (got[i].Metadata[broker.HeaderUndecodable] != "") != (i < 2) {
			t.Errorf("came %q, marked %q", got[i].Payload, got[i].Metadata[broker.HeaderUndecodable])
		}
	}
	o, err := sidecar.Restore(got[0].Metadata)
	if err != nil || len(o.RawHeaders) < 20_000 || len(o.Headers) > 0 || o.MessageId != "id" || got[0].UUID != "id" {
		t.Errorf("%d bytes of headers and id %q were kept (%v)", len(o.RawHeaders), o.MessageId, err)
	}
}

func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	p := newProxyWith(t, rig.AMQP(t), &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	url := config.NewSecret(strings.Replace(p.url, "amqp:", "amqps:", 1))
	trusting := amqp.New("test", config.AMQP{URL: url, TLS: &config.TLS{InsecureSkipVerify: true}}, nil)
	if err := trusting.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := amqp.New("test", config.AMQP{URL: url}, nil).Ping(t.Context()); err == nil {
		t.Error("a certificate that nobody signed was taken")
	}
}
