package stock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	edge "github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/bridge/config"
)

const (
	dialTimeout      = 10 * time.Second
	defaultHeartbeat = 10 * time.Second
	// A connection that lasted so long was a good one; after another the client rests.
	lasting     = 3 * time.Second
	firstRest   = 50 * time.Millisecond
	longestRest = time.Second
)

// rabbit is how a RabbitMQ is reached.
type rabbit struct {
	cfg    config.AMQP
	access *secure.Access
}

func (r rabbit) ping(ctx context.Context) error {
	conn, err := r.connect(ctx, "bridge ping", newSockets())
	if err != nil {
		return err
	}
	return conn.Close()
}

// connect opens a connection of our own, beside those of the stock client.
func (r rabbit) connect(ctx context.Context, name string, s *sockets) (*amqp.Connection, error) {
	cfg, err := r.client(name, s)
	if err != nil {
		return nil, err
	}
	defer s.cutWhen(ctx)()
	conn, err := amqp.DialConfig(r.url(), *cfg)
	if err != nil {
		return nil, r.failed(err)
	}
	return conn, nil
}

func (r rabbit) failed(err error) error {
	return fmt.Errorf("connect to %s: %w", r.cfg.URL.Redacted(), edge.Refused(err))
}

// url is where the client connects to: without the s of amqps, because Dial of the
// client's configuration encrypts.
func (r rabbit) url() string { return edge.Bare(r.cfg.URL.Reveal()) }

// client says how amqp091-go connects. name is what operators see in RabbitMQ's
// list of connections.
func (r rabbit) client(name string, s *sockets) (*amqp.Config, error) {
	uri, err := amqp.ParseURI(r.cfg.URL.Reveal())
	if err != nil {
		// The client's own error would show the URL, and with it the password.
		return nil, errors.New("the url is no AMQP URL")
	}
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(name)
	cfg := &amqp.Config{
		Heartbeat: r.cfg.Heartbeat, Properties: properties, Dial: s.dial,
	}
	if len(uri.AuthMechanism) == 0 {
		cfg.SASL = []amqp.Authentication{login{r}}
	}
	if uri.Scheme == "amqps" {
		addr := net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port))
		cfg.Dial = func(string, string) (net.Conn, error) { return s.encrypted(r.access, addr) }
	}
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = defaultHeartbeat
	}
	return cfg, nil
}

// login is that of the URL, read again for each connection: the client keeps the
// URL that it was given.
type login struct{ of rabbit }

func (login) Mechanism() string { return "PLAIN" }

func (l login) Response() string {
	uri, err := amqp.ParseURI(l.of.access.Secret("amqp.url", l.of.cfg.URL))
	if err != nil {
		return "" // and the login is refused
	}
	return uri.PlainAuth().Response()
}

var errCut = errors.New("closed")

// sockets are those of a client, to end it when it does not end by itself: it
// waits without a deadline for a confirm that does not come (W3). And they pace it:
// it connects again at once, also when the same message has just ended ten
// connections.
type sockets struct {
	over context.Context
	cut  context.CancelFunc // closes all, for good

	mu   sync.Mutex
	open map[*socket]struct{}
	last time.Time // of dial
	rest time.Duration
}

func newSockets() *sockets {
	s := &sockets{open: map[*socket]struct{}{}}
	s.over, s.cut = context.WithCancel(context.Background()) //nolint:gosec // whoever has the sockets cuts them, or they close by themselves
	context.AfterFunc(s.over, s.close)
	return s
}

type socket struct {
	net.Conn
	of *sockets
}

// Close closes it.
func (s *socket) Close() error {
	s.of.mu.Lock()
	delete(s.of.open, s)
	s.of.mu.Unlock()
	return s.Conn.Close()
}

// encrypted is dial for amqps. The client would encrypt with certificates that it
// read once.
func (s *sockets) encrypted(access *secure.Access, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.over, dialTimeout)
	defer cancel()
	return access.Dial(ctx, func(_ context.Context, network, addr string) (net.Conn, error) {
		return s.dial(network, addr)
	}, "tcp", addr)
}

func (s *sockets) dial(network, addr string) (net.Conn, error) {
	if !pace.Sleep(s.over, s.wait()) {
		return nil, errCut
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(s.over, network, addr)
	if err != nil {
		return nil, err
	}
	// For the handshake only: the client clears it when the connection is open.
	if err := conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over.Err() != nil {
		return nil, errors.Join(errCut, conn.Close())
	}
	made := &socket{conn, s}
	s.open[made] = struct{}{}
	return made, nil
}

// wait is how long to wait before the next connection: not at all, unless the last
// one did not last, and then up to a second.
func (s *sockets) wait() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.last) > lasting {
		s.rest = 0
	} else {
		s.rest = min(max(2*s.rest, firstRest), longestRest)
	}
	s.last = now.Add(s.rest)
	return s.rest
}

func (s *sockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for open := range s.open {
		_ = open.Conn.Close()
	}
}

// cutWhen cuts when ctx ends, until the function that it returns is called.
func (s *sockets) cutWhen(ctx context.Context) (until func()) {
	stop := context.AfterFunc(ctx, s.cut)
	return func() { stop() }
}

// cutAfter cuts after so long, until the function that it returns is called.
func (s *sockets) cutAfter(d time.Duration) (until func()) {
	t := time.AfterFunc(d, s.cut)
	return func() { t.Stop() }
}
