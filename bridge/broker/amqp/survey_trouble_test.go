package amqp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// E1, E2, E3: what keeps us from a broker is told by its kind, and without the
// password.
func TestSurveyTroubles(t *testing.T) {
	t.Parallel()
	with := func(old, new string) config.AMQP {
		url := rig.AMQP(t)
		if !strings.Contains(url, old) {
			t.Fatalf("%s has no %s", url, old)
		}
		return config.AMQP{URL: config.NewSecret(strings.Replace(url, old, new, 1))}
	}
	host := strings.TrimSuffix(rig.AMQP(t)[strings.LastIndex(rig.AMQP(t), "@")+1:], "/")
	for kind, cfg := range map[survey.Kind]config.AMQP{
		survey.Refused:   with(host, rig.Address(t)),
		survey.DNS:       with(host, "no-such-host.invalid:5672"),
		survey.Stranger:  with(host, rig.Kafka(t)[0]),
		survey.Silent:    with(host, silent(t)),
		survey.Login:     with(":guest@", ":CANARY@"),
		survey.VHost:     with(host+"/", host+"/nowhere"),
		survey.Plain:     with("amqp:", "amqps:"),
		survey.Authority: secured(t, time.Hour, "127.0.0.1", ""),
		survey.Host:      secured(t, time.Hour, "rabbit.example", "ca"),
		survey.Expired:   secured(t, -time.Hour, "127.0.0.1", "ca"),
		survey.Files:     {URL: with("amqp:", "amqps:").URL, TLS: &config.TLS{CA: "/nowhere/ca.pem"}},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			patience := 30 * time.Second
			if kind == survey.Silent {
				patience = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			s := amqp.New("test", cfg, nil).Survey(ctx, survey.Plan{})
			if s.Trouble == nil || s.Trouble.Kind != kind {
				t.Fatalf("got %v", s.Trouble)
			}
			if text := s.Trouble.Error(); strings.Contains(text, "CANARY") || strings.Contains(text, "guest:") {
				t.Errorf("it shows the password: %s", text)
			}
		})
	}
}

// silent is an address that takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// secured is a RabbitMQ behind TLS, with a certificate for a name that is valid for
// so long; with trust the file of its authority is configured.
func secured(t *testing.T, valid time.Duration, name, trust string) config.AMQP {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(valid),
		IsCA: true, BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	p := newProxyWith(t, rig.AMQP(t), &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	cfg := config.AMQP{URL: config.NewSecret(strings.Replace(p.url, "amqp:", "amqps:", 1))}
	if trust != "" {
		file := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg.TLS = &config.TLS{CA: file}
	}
	return cfg
}

// What answers in place of the management interface, and how, is noted; nothing is
// made of it, and nobody is sent the password who was not asked.
func TestSurveyOfOtherManagement(t *testing.T) {
	t.Parallel()
	var sent string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sent += r.Header.Get("Authorization") + "!" }))
	t.Cleanup(elsewhere.Close)
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"Redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, "302 Found"},
		"Web page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "something else"},
		"Broken":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "500"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			cfg := config.AMQP{URL: config.NewSecret(rig.AMQP(t)), Management: config.NewSecret(strings.Replace(server.URL, "//", "//u:CANARY@", 1))}
			found := look(t, cfg, survey.Plan{})
			if err := found.Management.Err; err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error()+found.Management.URL, "CANARY") {
				t.Errorf("got %v of %s", err, found.Management.URL)
			}
		})
	}
	if sent != "" {
		t.Errorf("somebody else was sent %q", sent)
	}
}

// What newer releases answer, which do not run here, from their documentation: an
// alarm, a queue of RabbitMQ 4 with its delivery limit, and mappings that are empty
// lists.
func TestSurveyOfCannedAnswers(t *testing.T) {
	t.Parallel()
	queue := rig.Queue(t)
	answers := map[string]string{
		"/api/whoami":                `{"name":"guest","tags":["administrator"]}`,
		"/api/permissions/%2F/guest": `{"user":"guest","vhost":"/","configure":"","write":"^a","read":".*"}`,
		"/api/nodes":                 `[{"name":"rabbit@a","mem_alarm":true,"disk_free_alarm":false},{"name":"rabbit@b","mem_alarm":false,"disk_free_alarm":true}]`,
		"/api/queues/%2F/" + queue: `{"name":"q","type":"quorum","durable":true,"auto_delete":false,"exclusive":false,"delivery_limit":20,
			"arguments":{"x-queue-type":"quorum","x-consumer-timeout":60000,"x-single-active-consumer":true},"effective_policy_definition":[],
			"consumer_details":[{"consumer_tag":"t","exclusive":false,"channel_details":[]}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer, ok := answers[r.URL.EscapedPath()]; ok && r.Method == http.MethodGet {
			_, _ = w.Write([]byte(answer))
			return
		}
		t.Errorf("it was asked %s %s", r.Method, r.URL.EscapedPath())
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	found := look(t, config.AMQP{URL: config.NewSecret(rig.AMQP(t)), Management: config.NewSecret(server.URL)}, survey.Plan{Queues: []string{queue}})
	if found.Management.Err != nil || !slices.Equal(found.Alarms, []string{"memory on rabbit@a", "disk on rabbit@b"}) {
		t.Errorf("%+v, alarms %q", found.Management, found.Alarms)
	}
	if r := found.Rights; r == nil || *r != (survey.Permissions{Configure: "", Write: "^a", Read: ".*"}) {
		t.Errorf("the rights are %+v", r)
	}
	d := found.Queues[queue].Details
	want := map[string]any{"x-queue-type": "quorum", "x-consumer-timeout": int64(60000), "x-single-active-consumer": true}
	if d == nil || d.Type != "quorum" || !maps.Equal(d.Arguments, want) || len(d.Policy) > 0 || !slices.Equal(d.Readers, []survey.Reader{{Tag: "t"}}) {
		t.Errorf("the queue is %+v", d)
	}
}
