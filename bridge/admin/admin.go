// Package admin is the HTTP interface for operators: what the routes are doing,
// which messages were given up, which keys are blocked and by what, the ways out
// of that, health for orchestrators and metrics for Prometheus.
//
//	GET /livez                                        200 while the process makes progress
//	GET /readyz                                       200 while every route moves messages; ?verbose lists them all, ?exclude=ROUTE leaves one out
//	GET /metrics                                      Prometheus
//	GET /api/v1/me                                    who asks, and what they may do
//	GET /api/v1/routes                                each route with its counts
//	GET /api/v1/routes/{route}                        what it was told to do, and how fast it is
//	GET /api/v1/history                               ?route= ?hours=1: what was moved, in steps
//	GET /api/v1/search                                ?q= ?route= ?limit= ?after=: keys, dead letters, operations
//	GET /api/v1/stream                                server-sent events: the routes whenever they change
//	GET /api/v1/routes/{route}/keys/{key}/line        ?epoch=: its revisions, drawn as a line
//	GET /api/v1/routes/{route}/dead-letters           ?limit= ?after=ID ?key= ?reason= ?gaps=true: also gaps whose time is over
//	GET /api/v1/routes/{route}/dead-letters/{id}      with headers and body
//	GET /api/v1/routes/{route}/keys                   ?blocked=true ?state= ?limit= ?after=KEY
//	GET /api/v1/routes/{route}/keys/{key}             in all its epochs
//	GET /api/v1/routes/{route}/keys/{key}/explain     what it waits for, and what would let it go on
//	GET /api/v1/openapi.json                          all this as OpenAPI 3.1
//	GET /api/v1/audit                                 ?route= ?key= ?limit= ?after=SEQ, or ?last= for the newest, ?before=SEQ for those before an entry
//
//	POST /api/v1/routes/{route}/pause                 stop taking from the sources
//	POST /api/v1/routes/{route}/resume                go on, or start a route that stopped by itself
//	POST /api/v1/routes/{route}/dead-letters/{id}/redrive
//	POST /api/v1/routes/{route}/dead-letters/{id}/discard
//	POST /api/v1/routes/{route}/keys/{key}/skip       with "to"
//	POST /api/v1/routes/{route}/keys/{key}/release
//
// Answers are JSON, see [github.com/brokerbridge/bridge/bridge/admin/api]. What is
// posted is an [api.Change] with Content-Type application/json; the answer is an
// [api.Outcome], or an error: 409 where the change does not fit things as they
// are.
//
// # Who may ask
//
// Without tokens: whoever is on this machine, for everything. The server then
// listens on loopback addresses only. Who makes a change says so himself, and the
// audit keeps what was said.
//
// With [Token]s every request but those of health has one, as Authorization:
// Bearer; also on loopback. Its [Role] says what for: a viewer sees everything, an
// operator also lets things go on, an admin may do all. 401 (unauthorized) is for
// who is not known, 403 (forbidden) names the role that is missing; after five
// wrong tokens an address gets 429 (locked_out) for a minute. The audit then has
// the name of the token, and beside it what its bearer said: "alice (says bob)".
// Where others reach the address, TLS is required, or a proxy that has it.
//
// Whoever asks, a request must name the server as its host, by a name of loopback,
// the address it came in at, or one of Config.Hosts: a web page whose name was
// made to resolve to 127.0.0.1 reads nothing. Changes are JSON, which a page of
// another host cannot post, and are refused where the browser says that it comes
// from one. Dead letters hold payloads, so nothing is to be cached, framed or
// guessed at by a browser.
//
// # What it costs the routes
//
// Little, whatever the callers do: connections and requests under way are
// bounded, each has a deadline, lists come in pages, and those who only look have a
// quarter of the processors' time once they have used up what was saved.
package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/console"
	"github.com/brokerbridge/bridge/bridge/admin/mask"
	"github.com/brokerbridge/bridge/bridge/history"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

const (
	readTimeout    = 10 * time.Second
	headerTimeout  = 5 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = time.Minute
	requestTimeout = 10 * time.Second // of our own work on one request
	farewell       = 5 * time.Second  // for requests under way when the server ends

	maxHeaderBytes = 32 << 10 // a key of 4 KiB, escaped, fits
	maxConnections = 256
	maxRequests    = 32 // under way at once, health not counted
)

// Store is what the API reads.
type Store interface {
	Lanes(ctx context.Context, q store.Query) iter.Seq2[store.Record, error]
	Skips(ctx context.Context, k store.Key) ([]store.Skip, error)
	DeadLetters(ctx context.Context, q store.Query) iter.Seq2[store.DeadLetter, error]
	Briefs(ctx context.Context, q store.Query) iter.Seq2[store.Brief, error]
	Groups(ctx context.Context, route string) ([]store.Group, error)
	Archive(ctx context.Context, q store.Query) iter.Seq2[store.Archived, error]
	Archived(ctx context.Context, route, id string) (store.Archived, error)
	OpenSkips(ctx context.Context, route string, after store.OpenSkip) iter.Seq2[store.OpenSkip, error]
	AuditHead(ctx context.Context) (seq uint64, hash store.AuditHash, err error)
	DeadLetter(ctx context.Context, route, id string) (store.DeadLetter, error)
	Parked(ctx context.Context, k store.Key, from lane.Revision, limit int) ([]store.Message, error)
	ParkedRuns(ctx context.Context, k store.Key, from lane.Revision, look int) ([]store.Run, error)
	Audits(ctx context.Context, q store.AuditQuery) iter.Seq2[store.Audit, error]
}

// Live is what a running route has in memory of a lane.
type Live struct {
	Held int         // messages that wait for their turn
	Runs []store.Run // their revisions, in order

	State  lane.State
	Since  time.Time     // of its mode
	Lowest lane.Revision // the lowest of those held; 0: none is
	// Expires is when the lane's gap has lasted too long; zero: it has none, or its
	// clock stands still. Then is what becomes of it.
	Expires time.Time
	Then    lane.Resolve
	// Tries and Due are those of the next revision, where it failed.
	Tries store.Tries
	Due   time.Time
}

// Config says what is served.
type Config struct {
	// Listen is an address and a port; port 0 takes a free one. An address that
	// others reach is refused without Tokens, and TLS or BehindProxy. Required.
	Listen string
	// TLS, when set, encrypts. Nil: plain HTTP.
	TLS *TLS
	// Tokens are who may ask. None: whoever is on this machine, for everything.
	Tokens []Token
	// BehindProxy says that a proxy in front has the TLS, and names in
	// X-Forwarded-For whom it asks for.
	BehindProxy bool
	// ReadOnly refuses every change, whoever asks.
	ReadOnly bool
	// Mask says what of headers and bodies is masked, for those who do not see them in
	// full. Nil: nothing is.
	Mask *mask.Rules
	// TraceURL is where a trace is shown, with {trace} for its id. Empty: nowhere.
	TraceURL string
	// Hosts are names, in lower case, by which requests may call the server, beside
	// those of loopback and the address that they came in at.
	Hosts []string
	// Routes is how each route is doing, always the same routes. It is asked once
	// by New, and then from any goroutine. Required.
	Routes func(context.Context) []status.Route
	// Store is where the routes keep their lanes. Required.
	Store Store
	// Metrics answers /metrics. Nil: there is none.
	Metrics http.Handler
	// Lane is what is in memory of a lane, if anything is. Nil: nothing is known.
	Lane func(ctx context.Context, route, key string, epoch uint32) (Live, bool)
	// Teller tells of a route what its status does not. Nil: nothing is known of it.
	Teller Teller
	// Backup copies the store to a new directory. An [*api.Error] says what is wrong
	// with that. Nil: there is none.
	Backup func(ctx context.Context, dir string) (api.StoreBackup, error)
	// Operator makes changes. Nil: there are none.
	Operator Operator
	// NoConsole leaves the pages for browsers out.
	NoConsole bool
	// Version is that of this program, as the console shows it.
	Version string
	// Logger gets what an operator must see. Nil: slog.Default.
	Logger *slog.Logger
}

// Server is the admin interface of one bridge. Build it with [New].
type Server struct {
	cfg   Config
	names map[string]bool // of the routes
	door  *door
	pulse *pulse
	past  *history.Recorder
	feed  *feed
	busy  chan struct{} // a token per request under way

	budget *budget

	sessions *sessions
	console  *console.Console

	mu       sync.Mutex
	listener net.Listener
	certs    *certificates // nil: plain HTTP
}

// New prepares a server; it does not listen.
func New(c Config) (*Server, error) {
	if err := reachable(c); err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Routes = discreet(c)
	s := &Server{
		cfg: c, names: map[string]bool{}, door: newDoor(c.Tokens),
		pulse: newPulse(c.Routes), past: newHistory(c), busy: make(chan struct{}, maxRequests), budget: newBudget(),
		sessions: newSessions(c.TLS != nil || c.BehindProxy),
	}
	s.feed = newFeed(s.forAll)
	s.console = s.newConsole()
	for _, r := range c.Routes(context.Background()) {
		s.names[r.Name] = true
	}
	return s, nil
}

// Listen takes the address, so that [Server.Addr] is known and a port in use is
// told before anything else starts. Run calls it where it was not.
func (s *Server) Listen(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return nil
	}
	if s.cfg.TLS != nil {
		certs, err := newCertificates(*s.cfg.TLS, s.cfg.Logger)
		if err != nil {
			return err
		}
		s.certs = certs
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("admin: listen on %s: %w", s.cfg.Listen, err)
	}
	s.listener = limited(l, maxConnections)
	return nil
}

// Addr is the address that is listened on, with its real port; empty before
// [Server.Listen].
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Close gives the address back where Run will not be called.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Close()
}

// Run serves until ctx ends, then lets requests under way finish, but not for
// long. It returns nil after an orderly end.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Listen(ctx); err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           s.handler(),
		ReadTimeout:       readTimeout,
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn),
	}
	srv.RegisterOnShutdown(s.feed.end)
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.pulse.run(ctx) })
	wg.Go(func() { s.past.Run(ctx) })
	var served error
	wg.Go(func() {
		defer stop()
		served = s.serve(srv)
	})
	<-ctx.Done()
	end(ctx, srv)
	stop()
	wg.Wait()
	if errors.Is(served, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("admin: %w", served)
}

// serve answers on the listener, encrypted where there are certificates.
func (s *Server) serve(srv *http.Server) error {
	if s.certs == nil {
		return srv.Serve(s.listener)
	}
	srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: s.certs.config}
	return srv.ServeTLS(s.listener, "", "")
}

// end stops a server, politely but not for long. The context has ended already.
func end(ctx context.Context, srv *http.Server) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close()
	}
}
