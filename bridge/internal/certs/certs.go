// Package certs makes authorities and certificates for tests.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	// File has its certificate, in PEM.
	File string

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New makes an authority that is valid for a day.
func New(t testing.TB, name string) *Authority {
	t.Helper()
	a := &Authority{File: filepath.Join(t.TempDir(), name+".pem")}
	p := a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:  x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	})
	cert, err := x509.ParseCertificate(p.TLS(t).Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	a.cert, a.key = cert, p.key
	write(t, a.File, p.Cert)
	return a
}

// Pool has the authority as the only one to trust.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Asked says what a certificate is to be.
type Asked struct {
	// Name is whom it is for.
	Name string
	// Hosts are the names and addresses of a server. Empty: 127.0.0.1 and localhost.
	Hosts []string
	// From and Until bound it. Zero: an hour ago, and a day from now.
	From, Until time.Time
}

// Pair is a certificate and its key, in PEM.
type Pair struct {
	Cert, Key []byte
	key       *ecdsa.PrivateKey
}

// Issue signs a certificate for a server or a client.
func (a *Authority) Issue(t testing.TB, c Asked) Pair {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: c.Name}, NotBefore: c.From, NotAfter: c.Until,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if c.From.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour)
	}
	if c.Until.IsZero() {
		template.NotAfter = time.Now().Add(24 * time.Hour)
	}
	if len(c.Hosts) == 0 {
		c.Hosts = []string{"127.0.0.1", "localhost"}
	}
	for _, host := range c.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.sign(t, template)
}

// sign signs with the authority, or, as long as it has no key, as its own.
func (a *Authority) sign(t testing.TB, template *x509.Certificate) Pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), // PKCS #8, which Java wants
		key:  key,
	}
}

// TLS is the pair as Go's TLS has it.
func (p Pair) TLS(t testing.TB) tls.Certificate {
	t.Helper()
	c, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Write writes the pair as name.pem and name.key into a folder. What is there is
// replaced, one file after the other, as whoever renews certificates does.
func (p Pair) Write(t testing.TB, dir, name string) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	write(t, cert, p.Cert)
	write(t, key, p.Key)
	return cert, key
}

// WriteJoined writes key and certificate into one file, as Kafka wants a keystore.
func (p Pair) WriteJoined(t testing.TB, path string) {
	t.Helper()
	write(t, path, append(append([]byte{}, p.Key...), p.Cert...))
}

// Keep writes the authority's certificate to a folder that outlives the test.
func (a *Authority) Keep(t testing.TB, dir string) {
	t.Helper()
	a.File = filepath.Join(dir, "ca.pem")
	write(t, a.File, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
