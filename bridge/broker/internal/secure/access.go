// Package secure is how a broker is logged in to: with its secrets and
// certificates as their files are at that moment, and with what refuses us said in
// an operator's words.
package secure

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"

	"github.com/brokerbridge/bridge/bridge/config"
)

// Access is that of one broker. Every connection reads the files again, so that
// what was renewed needs no restart. A file that is gone, half written or wrong
// does not end what works: the last good one stays in use, and a warning says so,
// once until that changes.
type Access struct {
	tls *config.TLS
	log *slog.Logger

	mu   sync.Mutex
	last *tls.Config       // of files that were good
	said map[string]string // what was last said of what is read
}

// New makes the access to a broker. Nil settings trust the system's authorities.
func New(t *config.TLS, log *slog.Logger) *Access {
	if t == nil {
		t = &config.TLS{}
	}
	if t.InsecureSkipVerify {
		log.Warn("tls.insecure_skip_verify: any certificate is accepted, so whoever stands between us and the broker can read and change everything")
	}
	return &Access{tls: t, log: log, said: map[string]string{}}
}

// Secret is a secret as it is now, or was when it could last be read. setting is
// what the file calls it.
func (a *Access) Secret(setting string, s config.Secret) string {
	text, err := s.Fresh()
	a.note(setting, err)
	return text
}

// Dial is how a socket is opened.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Dial opens an encrypted connection.
func (a *Access) Dial(ctx context.Context, dial Dial, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	cfg, err := a.config(host)
	if err != nil {
		return nil, err
	}
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	client := tls.Client(conn, cfg)
	if err := client.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, inHandshake(err)
	}
	return &heard{Conn: client}, nil
}

// config is what the files say now, for a connection to a host; or what they said
// when they were last good.
func (a *Access) config(host string) (*tls.Config, error) {
	fresh, err := read(a.tls)
	a.mu.Lock()
	if err == nil {
		a.last = fresh
	}
	cfg := a.last
	a.mu.Unlock()
	if cfg == nil {
		return nil, &Fault{What: "tls: " + err.Error(), Err: err}
	}
	a.note("tls", err)
	cfg = cfg.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	return cfg, nil
}

// note says once that something cannot be read, and once that it can again.
func (a *Access) note(setting string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	a.mu.Lock()
	was := a.said[setting]
	a.said[setting] = text
	a.mu.Unlock()
	switch {
	case text == was:
	case err != nil:
		a.log.Warn("what was read before stays in use", "setting", setting, "error", err)
	default:
		a.log.Info("it was read again", "setting", setting)
	}
}
