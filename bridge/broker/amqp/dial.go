package amqp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
)

const (
	dialTimeout      = 10 * time.Second
	closeTimeout     = 2 * time.Second
	defaultHeartbeat = 10 * time.Second
)

// link is a connection and its socket.
type link struct {
	*amqp.Connection
	line *line
}

// dial connects. name is what operators see in RabbitMQ's list of connections.
// Ending the context ends the attempt.
func (b *Broker) dial(ctx context.Context, name string) (*link, error) {
	l := &link{}
	stop := func() bool { return true }
	cfg, url, err := b.clientConfig(name)
	if err != nil {
		return nil, err
	}
	cfg.Dial = func(string, string) (net.Conn, error) {
		conn, err := b.open(ctx)
		if err != nil {
			return nil, err
		}
		l.line = newLine(conn)
		stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
		// For the handshake only: the client clears it when the connection is open.
		return l.line, conn.SetDeadline(time.Now().Add(dialTimeout))
	}
	l.Connection, err = amqp.DialConfig(url, cfg)
	if !stop() && err == nil {
		_ = l.Connection.Close()
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", b.cfg.URL.Redacted(), err)
	}
	return l, nil
}

// open opens the socket, encrypted for amqps: the client would encrypt on top of
// what it is given, and frames has to see what it reads.
func (b *Broker) open(ctx context.Context) (net.Conn, error) {
	uri, err := b.uri()
	if err != nil {
		return nil, err
	}
	d := &net.Dialer{Timeout: dialTimeout}
	addr := net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port))
	if uri.Scheme != "amqps" {
		return d.DialContext(ctx, "tcp", addr)
	}
	cfg, err := secure.TLS(b.cfg.TLS)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return (&tls.Dialer{NetDialer: d, Config: cfg}).DialContext(ctx, "tcp", addr)
}

func (b *Broker) uri() (amqp.URI, error) {
	uri, err := amqp.ParseURI(b.cfg.URL.Reveal())
	if err != nil {
		// The client's own error would show the URL, and with it the password.
		return uri, errors.New("the url is no AMQP URL")
	}
	return uri, nil
}

// clientConfig is what the client is told, and the URL: without the s of amqps,
// because open encrypts.
func (b *Broker) clientConfig(name string) (amqp.Config, string, error) {
	if _, err := b.uri(); err != nil {
		return amqp.Config{}, "", err
	}
	url := b.cfg.URL.Reveal()
	if rest, ok := strings.CutPrefix(url, "amqps:"); ok {
		url = "amqp:" + rest
	}
	heartbeat := b.cfg.Heartbeat
	if heartbeat <= 0 {
		heartbeat = defaultHeartbeat
	}
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(name)
	return amqp.Config{Heartbeat: heartbeat, Properties: properties}, url, nil
}

// hangUp closes a connection, politely but not for long.
func (l *link) hangUp() {
	if l != nil {
		_ = l.CloseDeadline(time.Now().Add(closeTimeout))
	}
}
