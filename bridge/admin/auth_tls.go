package admin

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
)

// TLS are PEM files by which the server says who it is. They are read again when
// they change.
type TLS struct {
	Cert, Key string
	// ClientCA has the authorities of callers, who must then have a certificate.
	// Empty: they need none.
	ClientCA string
}

// certificates are the TLS files as they were read last.
type certificates struct {
	files TLS
	log   *slog.Logger

	mu    sync.Mutex
	stamp []os.FileInfo
	good  *tls.Config
}

// newCertificates reads the files, which must be right at the start.
func newCertificates(files TLS, log *slog.Logger) (*certificates, error) {
	stamp, err := files.stamp()
	if err != nil {
		return nil, err
	}
	good, err := files.load()
	if err != nil {
		return nil, err
	}
	return &certificates{files: files, log: log, stamp: stamp, good: good}, nil
}

// config is for a connection that comes in. Renewed files that cannot be read,
// one of them not written yet perhaps, leave what was.
func (c *certificates) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamp, err := c.files.stamp()
	if err != nil || sameFiles(stamp, c.stamp) {
		return c.good, nil // a file that is being replaced is there at the next connection
	}
	c.stamp = stamp
	good, err := c.files.load()
	if err != nil {
		c.log.Warn("the TLS files of the admin API have changed and are not used", "error", err)
		return c.good, nil
	}
	c.good = good
	c.log.Info("the TLS files of the admin API were read again")
	return c.good, nil
}

func (f TLS) stamp() (all []os.FileInfo, err error) {
	for _, name := range []string{f.Cert, f.Key, f.ClientCA} {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("admin: TLS: %w", err)
		}
		all = append(all, info)
	}
	return all, nil
}

func sameFiles(a, b []os.FileInfo) bool {
	for i := range a {
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) {
			return false
		}
	}
	return true
}

func (f TLS) load() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("admin: TLS: read certificate and key: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	if f.ClientCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("admin: TLS: read the authorities of callers: %w", err)
	}
	c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("admin: TLS: no certificate in %s", f.ClientCA)
	}
	return c, nil
}
