package client_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

const secret = "CANARY-of-the-client"

// secured is a server that encrypts, takes the secret only, and wants a
// certificate if it is told to; and the file with its authority.
func secured(t *testing.T, auth tls.ClientAuthType) (url, ca string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+secret {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":{"code":"unauthorized","message":"this needs a token"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"items":[]}`))
	}))
	srv.TLS = &tls.Config{ClientAuth: auth}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return srv.URL, ca
}

func routesOf(t *testing.T, url string, o client.Options) error {
	t.Helper()
	c, err := client.New(url, o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Routes(t.Context())
	if err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("the token is in %v", err)
	}
	return err
}

func TestATokenIsSentToWhomIsTrusted(t *testing.T) {
	url, ca := secured(t, tls.NoClientCert)
	if err := routesOf(t, url, client.Options{Token: secret, CA: ca}); err != nil {
		t.Error(err)
	}
	for _, token := range []string{"", "another"} {
		if e, ok := errors.AsType[*api.Error](routesOf(t, url, client.Options{Token: token, CA: ca})); !ok || e.Code != api.Unauthorized {
			t.Errorf("with %q: %v", token, e)
		}
	}
	err := routesOf(t, url, client.Options{Token: secret})
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok || !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("without its authority: %v", err)
	}
	err = routesOf(t, strings.Replace(url, "https", "http", 1), client.Options{Token: secret})
	if err == nil || !strings.Contains(err.Error(), "ask for https://") {
		t.Errorf("in the clear: %v", err)
	}
}

// ours are the files of a certificate that we have signed ourselves, and its key.
func ours(t *testing.T) (cert, key string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestOurCertificateIsShown(t *testing.T) {
	url, ca := secured(t, tls.RequireAnyClientCert)
	if err := routesOf(t, url, client.Options{Token: secret, CA: ca}); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without: %v", err)
	}
	cert, key := ours(t)
	if err := routesOf(t, url, client.Options{Token: secret, CA: ca, Cert: cert, Key: key}); err != nil {
		t.Errorf("with: %v", err)
	}
}

func TestATokenIsNotSentInTheClear(t *testing.T) {
	for url, ok := range map[string]bool{
		"http://127.0.0.1:8321": true, "http://localhost:8321": true, "http://[::1]:8321": true, "https://bridge.example": true,
		"http://bridge.example": false, "http://192.0.2.1:8321": false, "http://localhost.example": false, "http://127.0.0.1.example": false,
	} {
		_, err := client.New(url, client.Options{Token: secret})
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", url, err)
		}
		if _, err := client.New(url, client.Options{}); err != nil {
			t.Errorf("%s without a token: %v", url, err)
		}
	}
}

func TestFilesThatAreNoCertificates(t *testing.T) {
	here := "access_test.go"
	for _, o := range []client.Options{{CA: "none.pem"}, {CA: here}, {Cert: here, Key: here}, {Cert: "none.pem"}} {
		if _, err := client.New("https://127.0.0.1", o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
