package admin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	a := &authority{t: t, file: filepath.Join(dir, name+".pem")}
	a.cert, a.key = a.make(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour),
	}, nil)
	a.write(a.file, "CERTIFICATE", a.cert.Raw)
	return a
}

// make makes a certificate and its key; without an authority it is its own.
func (a *authority) make(c, by *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	signer := a.key
	if by == nil {
		by, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(path, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// issue writes a certificate and its key.
func (a *authority) issue(serial int64, cert, key string) {
	a.t.Helper()
	c, k := a.make(&x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "bridge"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(key, "PRIVATE KEY", der)
	a.write(cert, "CERTIFICATE", c.Raw)
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// shakeHands asks for the routes and says which certificate was shown.
func shakeHands(t *testing.T, addr string, conf *tls.Config) (serial int64, code int, err error) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: conf}, Timeout: 10 * time.Second}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+addr+"/api/v1/routes", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer token-of-the-viewer")
	resp, err := c.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.TLS.PeerCertificates[0].SerialNumber.Int64(), resp.StatusCode, nil
}

// text collects a log.
type text struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func TestRenewedCertificatesAreUsedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	files := &TLS{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	ca := newAuthority(t, dir, "ca")
	ca.issue(7, files.Cert, files.Key)
	log := &text{}
	s, _ := locked(t, func(c *Config) { c.TLS, c.Logger = files, slog.New(slog.NewTextHandler(log, nil)) })
	addr := start(t, s)

	trusts := &tls.Config{RootCAs: ca.pool()}
	if serial, code, err := shakeHands(t, addr, trusts); serial != 7 || code != 200 || err != nil {
		t.Fatal(serial, code, err)
	}
	_, _, err := shakeHands(t, addr, &tls.Config{})
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("a caller who does not know the authority: %v", err)
	}
	if _, _, err := shakeHands(t, addr, &tls.Config{RootCAs: ca.pool(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	// One file of two is written: what was stays.
	ca.issue(8, files.Cert, filepath.Join(dir, "next"))
	if serial, _, err := shakeHands(t, addr, trusts); serial != 7 || err != nil || !strings.Contains(log.String(), "have changed and are not used") {
		t.Errorf("half renewed: %d %v\n%s", serial, err, log)
	}
	if err := os.Rename(filepath.Join(dir, "next"), files.Key); err != nil {
		t.Fatal(err)
	}
	if serial, _, err := shakeHands(t, addr, trusts); serial != 8 || err != nil {
		t.Errorf("renewed: %d %v\n%s", serial, err, log)
	}
	if err := os.Remove(files.Cert); err != nil {
		t.Fatal(err)
	}
	if serial, _, err := shakeHands(t, addr, trusts); serial != 8 || err != nil {
		t.Errorf("removed: %d %v\n%s", serial, err, log)
	}
}

func TestCallersShowACertificateWhereTheyMust(t *testing.T) {
	dir := t.TempDir()
	ca, people, others := newAuthority(t, dir, "ca"), newAuthority(t, dir, "people"), newAuthority(t, dir, "others")
	files := &TLS{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key"), ClientCA: people.file}
	ca.issue(7, files.Cert, files.Key)
	s, _ := locked(t, func(c *Config) { c.TLS = files })
	addr := start(t, s)
	for name, by := range map[string]*authority{"nobody": nil, "others": others, "people": people} {
		conf := &tls.Config{RootCAs: ca.pool()}
		if by != nil {
			cert, key := filepath.Join(dir, name+"-cert"), filepath.Join(dir, name+"-key")
			by.issue(9, cert, key)
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil {
				t.Fatal(err)
			}
			// Shown whatever the server asks for: else a client keeps it back.
			conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		if _, code, err := shakeHands(t, addr, conf); (code == 200) != (by == people) {
			t.Errorf("%s: %d %v", name, code, err)
		}
	}
}

func TestTLSFilesAreRightAtTheStart(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir, "ca")
	good := TLS{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	ca.issue(7, good.Cert, good.Key)
	for name, c := range map[string]struct {
		files TLS
		fault string
	}{
		"no file":             {TLS{Cert: good.Cert, Key: filepath.Join(dir, "none")}, "no such file"},
		"another key":         {TLS{Cert: ca.file, Key: good.Key}, "certificate and key"},
		"no client authority": {TLS{Cert: good.Cert, Key: good.Key, ClientCA: good.Key}, "no certificate in"},
	} {
		s, _ := locked(t, func(conf *Config) { conf.TLS = &c.files })
		if err := s.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), c.fault) || s.Addr() != "" {
			t.Errorf("%s: %v, at %q", name, err, s.Addr())
		}
	}
}
