package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/brokerbridge/bridge/bridge/config"
)

// read reads the files that the settings name. Its errors are fs.PathErrors.
func read(c *config.TLS) (*tls.Config, error) {
	t := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         c.ServerName,
		InsecureSkipVerify: c.InsecureSkipVerify, //nolint:gosec // whoever sets insecure_skip_verify has asked for it
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("read the authorities: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the authorities: %w", &fs.PathError{Op: "read", Path: c.CA, Err: errors.New("no certificate is in it")})
		}
	}
	if c.Cert != "" || c.Key != "" {
		cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			var file *fs.PathError
			if !errors.As(err, &file) {
				err = &fs.PathError{Op: "read", Path: c.Cert, Err: err} // which it cannot say
			}
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}
