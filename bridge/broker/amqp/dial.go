package amqp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/bridge/config"
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

// dial connects, with what the files of its secrets and certificates say now. name
// is what operators see in RabbitMQ's list of connections. Ending the context ends
// the attempt.
func (b *Broker) dial(ctx context.Context, name string) (*link, error) {
	l := &link{}
	stop := func() bool { return true }
	var socket net.Conn
	uri, url, err := b.address()
	if err != nil {
		return nil, err
	}
	cfg := b.clientConfig(name)
	cfg.Dial = func(string, string) (net.Conn, error) {
		conn, err := b.open(ctx, uri)
		if err != nil {
			return nil, err
		}
		socket, l.line = conn, newLine(conn)
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
		return nil, fmt.Errorf("connect to %s: %w", b.cfg.URL.Redacted(), b.because(err, socket))
	}
	return l, nil
}

// open opens the socket, encrypted for amqps: the client would encrypt on top of
// what it is given, and frames has to see what it reads.
func (b *Broker) open(ctx context.Context, uri amqp.URI) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTimeout}
	addr := net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port))
	if uri.Scheme != "amqps" {
		return d.DialContext(ctx, "tcp", addr)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return b.access.Dial(ctx, d.DialContext, "tcp", addr)
}

// address is where RabbitMQ is and who we are there, as a URL without the s of
// amqps, because open encrypts.
func (b *Broker) address() (amqp.URI, string, error) {
	url := b.access.Secret("amqp.url", b.cfg.URL)
	uri, err := amqp.ParseURI(url)
	if err != nil {
		// The client's own error would show the URL, and with it the password.
		return uri, "", errors.New("the url is no AMQP URL")
	}
	return uri, Bare(url), nil
}

// Bare is the URL with amqp for a scheme, for the client when the socket is
// encrypted already.
func Bare(url string) string {
	if scheme, rest, ok := strings.Cut(url, ":"); ok && strings.EqualFold(scheme, "amqps") {
		return "amqp:" + rest
	}
	return url
}

// clientConfig is what the client is told.
func (b *Broker) clientConfig(name string) amqp.Config {
	heartbeat := b.cfg.Heartbeat
	if heartbeat <= 0 {
		heartbeat = defaultHeartbeat
	}
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(name)
	cfg := amqp.Config{Heartbeat: heartbeat, Properties: properties}
	if b.cfg.AuthMechanism == config.AuthExternal {
		cfg.SASL = []amqp.Authentication{&amqp.ExternalAuth{}}
	}
	return cfg
}

// because is why there is no connection, in an operator's words.
func (b *Broker) because(err error, socket net.Conn) error {
	if fault := secure.FaultOf(socket); fault != nil {
		return fault
	}
	var e *amqp.Error
	if errors.As(err, &e) && !e.Server && e.Code == amqp.FrameError {
		return fmt.Errorf("what answers there is not AMQP; a port with TLS wants amqps:// (%w)", err)
	}
	if b.cfg.AuthMechanism == config.AuthExternal && errors.Is(err, amqp.ErrCredentials) {
		return fmt.Errorf("login refused: RabbitMQ takes our certificate for no user, and its log says why (%w)", err)
	}
	return Refused(err)
}

// Refused names, of a connection that failed, that it was the login.
func Refused(err error) error {
	var e *amqp.Error
	if errors.As(err, &e) && (e.Code == amqp.AccessRefused || e.Code == amqp.NotAllowed) {
		return fmt.Errorf("login refused: %w", err)
	}
	return err
}

// hangUp closes a connection, politely but not for long.
func (l *link) hangUp() {
	if l != nil {
		_ = l.CloseDeadline(time.Now().Add(closeTimeout))
	}
}
