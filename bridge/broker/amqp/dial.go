package amqp

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	cfg, err := b.clientConfig(name)
	if err != nil {
		return nil, err
	}
	l := &link{}
	stop := func() bool { return true }
	cfg.Dial = func(network, addr string) (net.Conn, error) {
		d := net.Dialer{Timeout: dialTimeout}
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		l.line = &line{Conn: conn}
		stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
		// For the handshakes only: the client clears it when the connection is open.
		return l.line, conn.SetDeadline(time.Now().Add(dialTimeout))
	}
	l.Connection, err = amqp.DialConfig(b.cfg.URL.Reveal(), cfg)
	if !stop() && err == nil {
		_ = l.Connection.Close()
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", b.cfg.URL.Redacted(), err)
	}
	return l, nil
}

func (b *Broker) clientConfig(name string) (amqp.Config, error) {
	// The client's own error would show the URL, and with it the password.
	if _, err := amqp.ParseURI(b.cfg.URL.Reveal()); err != nil {
		return amqp.Config{}, errors.New("the url is no AMQP URL")
	}
	tls, err := secure.TLS(b.cfg.TLS)
	if err != nil {
		return amqp.Config{}, err
	}
	heartbeat := b.cfg.Heartbeat
	if heartbeat <= 0 {
		heartbeat = defaultHeartbeat
	}
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(name)
	return amqp.Config{Heartbeat: heartbeat, TLSClientConfig: tls, Properties: properties}, nil
}

// hangUp closes a connection, politely but not for long.
func (l *link) hangUp() {
	if l != nil {
		_ = l.CloseDeadline(time.Now().Add(closeTimeout))
	}
}
