package secure_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/certs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers whoever shakes hands with one byte, and hangs up.
func server(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { answer(conn, cfg) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); all.Wait() })
	return listener.Addr().String()
}

func answer(conn net.Conn, cfg *tls.Config) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if cfg != nil {
		conn = tls.Server(conn, cfg)
	}
	_, _ = conn.Write([]byte("hello"))
	_, _ = conn.Read(make([]byte, 1)) // until the client hangs up: what it sends must not reset what we said
}

// greet connects and reads what the server says.
func greet(t *testing.T, a *secure.Access, addr string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := a.Dial(ctx, new(net.Dialer).DialContext, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.Read(make([]byte, 5))
	return err
}

// E2: whatever is wrong is said in words that tell what to do.
func TestE2_RefusalsAreNamed(t *testing.T) {
	t.Parallel()
	ours, theirs := certs.New(t, "ours"), certs.New(t, "theirs")
	good := ours.Issue(t, certs.Asked{Name: "good"})
	past, future := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	cert, key := ours.Issue(t, certs.Asked{Name: "client"}).Write(t, t.TempDir(), "client")
	strange, strangeKey := theirs.Issue(t, certs.Asked{Name: "stranger"}).Write(t, t.TempDir(), "stranger")
	old, oldKey := ours.Issue(t, certs.Asked{Name: "client", Until: past}).Write(t, t.TempDir(), "old")
	serving := func(p certs.Pair) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{p.TLS(t)}, MinVersion: tls.VersionTLS12}
	}
	mutual := func(version uint16) *tls.Config {
		cfg := serving(good)
		cfg.ClientAuth, cfg.ClientCAs, cfg.MaxVersion = tls.RequireAndVerifyClientCert, ours.Pool(), version
		return cfg
	}
	ancient := serving(good)
	ancient.MinVersion, ancient.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	trusting := &config.TLS{CA: ours.File}
	for _, c := range []struct {
		name   string
		server *tls.Config
		client *config.TLS
		want   string // "": it works
	}{
		{"good", serving(good), trusting, ""},
		{"mutual", mutual(0), &config.TLS{CA: ours.File, Cert: cert, Key: key}, ""},
		{"any name", serving(ours.Issue(t, certs.Asked{Hosts: []string{"kafka.example"}})), &config.TLS{CA: ours.File, ServerName: "kafka.example"}, ""},
		{"unverified", serving(theirs.Issue(t, certs.Asked{})), &config.TLS{InsecureSkipVerify: true}, ""},
		{"wrong authority", serving(theirs.Issue(t, certs.Asked{})), trusting, "signed by nobody whom we trust"},
		{"wrong host", serving(ours.Issue(t, certs.Asked{Hosts: []string{"other.example"}})), trusting, "is not for 127.0.0.1"},
		{"expired", serving(ours.Issue(t, certs.Asked{Until: past})), trusting, "has expired on " + past.UTC().Format(time.RFC3339)},
		{"not yet", serving(ours.Issue(t, certs.Asked{From: future})), trusting, "is not valid before " + future.UTC().Format(time.RFC3339)},
		{"no TLS", nil, trusting, "speaks no TLS on this port"},
		{"too old", ancient, trusting, "does not speak TLS 1.2"},
		{"none, 1.3", mutual(0), trusting, "wants a client certificate"},
		{"none, 1.2", mutual(tls.VersionTLS12), trusting, "client certificate"},
		{"stranger, 1.3", mutual(0), &config.TLS{CA: ours.File, Cert: strange, Key: strangeKey}, "signed by an authority that it trusts"},
		{"stranger, 1.2", mutual(tls.VersionTLS12), &config.TLS{CA: ours.File, Cert: strange, Key: strangeKey}, "client certificate"},
		{"expired client", mutual(0), &config.TLS{CA: ours.File, Cert: old, Key: oldKey}, "refuses our client certificate"},
		{"no file", serving(good), &config.TLS{CA: "nowhere.pem"}, "open nowhere.pem"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := greet(t, secure.New(c.client, slog.New(slog.DiscardHandler)), server(t, c.server))
			var fault *secure.Fault
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.As(err, &fault) || !strings.Contains(fault.Error(), c.want)):
				t.Errorf("it is said: %v, want %q", err, c.want)
			}
		})
	}
}

// A server that hangs up in the handshake, as Kafka does with what it takes for a
// request of 369 MB.
func TestE2_HungUpOn(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var over sync.WaitGroup
	over.Go(func() {
		if conn, err := listener.Accept(); err == nil {
			_, _ = conn.Read(make([]byte, 1))
			_ = conn.Close()
		}
	})
	defer over.Wait()
	defer func() { _ = listener.Close() }()
	err = greet(t, secure.New(nil, slog.New(slog.DiscardHandler)), listener.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "may speak no TLS on this port") {
		t.Error(err)
	}
}

// E2: certificates are read again for each connection. While they are wrong, the
// last good ones are used, and it is said once.
func TestE2_FilesAreReadAgain(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &bytes.Buffer{}
	first, second := certs.New(t, "first"), certs.New(t, "second")
	ca := filepath.Join(dir, "ca.pem")
	replace(t, ca, first.File)
	cert, key := first.Issue(t, certs.Asked{Name: "client"}).Write(t, dir, "client")
	a := secure.New(&config.TLS{CA: ca, Cert: cert, Key: key}, slog.New(slog.NewTextHandler(log, nil)))
	under := func(who *certs.Authority) string {
		return server(t, &tls.Config{
			Certificates: []tls.Certificate{who.Issue(t, certs.Asked{}).TLS(t)},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: who.Pool(), MinVersion: tls.VersionTLS12,
		})
	}
	before, after := under(first), under(second)
	if err := greet(t, a, before); err != nil {
		t.Fatal(err)
	}
	for range 3 { // half written
		if err := os.WriteFile(key, []byte("-----BEGIN PRIVATE KEY-----"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := greet(t, a, before); err != nil {
			t.Fatal("with a bad file the last good one is not used:", err)
		}
	}
	if n := strings.Count(log.String(), "what was read before stays in use"); n != 1 {
		t.Errorf("a bad file is told %d times:\n%s", n, log)
	}
	replace(t, ca, second.File)
	second.Issue(t, certs.Asked{Name: "client"}).Write(t, dir, "client")
	if err := greet(t, a, after); err != nil {
		t.Error("renewed certificates are not used:", err)
	}
	if !strings.Contains(log.String(), "it was read again") {
		t.Errorf("that the file is good again is not told:\n%s", log)
	}
	if err := greet(t, a, before); err == nil {
		t.Error("the first authority is trusted still")
	}
}

func replace(t *testing.T, path, with string) {
	t.Helper()
	data, err := os.ReadFile(with)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// E1: a secret is what its file says now, or said when it was last right; I11: what
// is said of it does not hold it.
func TestE1_SecretsAreReadAgain(t *testing.T) {
	t.Parallel()
	const word = "hunter2"
	log, now, fault := &bytes.Buffer{}, word, error(nil)
	s := config.NewFreshSecret(now, func() (string, error) { return now, fault })
	a := secure.New(nil, slog.New(slog.NewTextHandler(log, nil)))
	check := func(want string) {
		t.Helper()
		if got := a.Secret("kafka.sasl.password", s); got != want {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
	check(word)
	now = word + "3"
	check(word + "3")
	now, fault = "", errors.New("no such file")
	check(word + "3")
	check(word + "3")
	fault = errors.New("is a folder")
	check(word + "3")
	now, fault = word+"4", nil
	check(word + "4")
	if n := strings.Count(log.String(), "stays in use"); n != 2 || strings.Contains(log.String(), word) {
		t.Errorf("%d warnings, want 2, without the secret:\n%s", n, log)
	}
}

// E2: that nobody is verified is said at the start.
func TestE2_InsecureIsWarnedOf(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	secure.New(&config.TLS{InsecureSkipVerify: true}, slog.New(slog.NewTextHandler(log, nil)))
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "insecure_skip_verify") {
		t.Error(log)
	}
}
