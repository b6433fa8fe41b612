package admin

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// endpoint is all that is to be known of a path: how it is asked and by whom, who
// answers, and what openapi.json says of it.
type endpoint struct {
	method  string
	path    string
	role    Role // the least that may ask; RoleAnyone is for health only
	handle  http.HandlerFunc
	summary string
	in      any    // what is posted, as an empty value; nil: nothing
	out     any    // what is answered, as an empty value; nil: text
	query   string // the parameters of its query, see parameters
}

// The path of a route.
const aRoute = "/api/v1/routes/{route}"

// events is a type of which there are events in a stream that does not end:
// text/event-stream. It has a bound of its own, and no deadline.
type events struct{ of any }

func (e endpoint) streams() bool {
	_, yes := e.out.(events)
	return yes
}

// lines is a type of which there is one value per line: application/x-ndjson.
type lines struct{ of any }

// endpoints are all that is served.
func (s *Server) endpoints() []endpoint {
	all := slices.Concat(s.health(), s.views(), s.sights())
	if s.cfg.Metrics != nil {
		all = append(all, s.metrics()...)
	}
	if s.cfg.Operator != nil {
		all = append(all, s.changes()...)
	}
	if s.cfg.Backup != nil {
		all = append(all, s.care()...)
	}
	return all
}

// everything is what some server serves: it is what is described.
func (s *Server) everything() []endpoint {
	return slices.Concat(s.health(), s.views(), s.sights(), s.metrics(), s.changes(), s.care())
}

// care is for the store as a whole.
func (s *Server) care() []endpoint {
	return []endpoint{{
		"POST", "/api/v1/store/backup", RoleAdmin, s.backup, "Copy the store to a new directory of the bridge's machine, while messages move", api.BackupStore{}, api.StoreBackup{}, "",
	}}
}

// health is apart: an orchestrator must get its answer however busy the rest is,
// and it has no token.
func (s *Server) health() []endpoint {
	return []endpoint{
		{"GET", "/livez", RoleAnyone, s.livez, "Whether the process makes progress; 503: restart it", nil, api.Live{}, ""},
		{"GET", "/readyz", RoleAnyone, s.readyz, "Whether every route moves messages, and what keeps the others; 503: not all do", nil, api.Ready{}, "verbose exclude"},
	}
}

// views are the endpoints that only read.
func (s *Server) views() []endpoint {
	return []endpoint{
		{"GET", "/api/v1/openapi.json", RoleViewer, s.openapi, "This description", nil, map[string]any{}, ""},
		{"GET", "/api/v1/routes", RoleViewer, s.routes, "Each route with its counts", nil, api.Page[status.Route]{}, ""},
		{"GET", "/api/v1/audit", RoleViewer, s.audits, "What operators did, oldest first", nil, api.Page[api.Audit]{}, "route key limit after before last"},
		{"GET", aRoute + "/dead-letters", RoleViewer, s.deadLetters, "The dead letters of a route, without content", nil, api.Page[api.DeadLetter]{}, "limit after key group reason since until gaps"},
		{"GET", aRoute + "/dead-letters/{id}", RoleViewer, s.deadLetter, "A dead letter with headers and body", nil, api.DeadLetterDetail{}, ""},
		{"GET", aRoute + "/export", RoleViewer, whole(s.export), "Dead letters, whole: for who sees payloads in full", nil, api.Page[api.Letter]{}, "limit after key group reason since until"},
		{"GET", aRoute + "/groups", RoleViewer, s.groups, "The dead letters by their cause, with what waits because of them", nil, api.Page[api.Group]{}, "sort"},
		{"GET", aRoute + "/archive", RoleViewer, s.archive, "Dead letters that were put away", nil, api.Page[api.Archived]{}, "limit after key group"},
		{"GET", aRoute + "/archive/{id}", RoleViewer, s.archivedLetter, "An archived dead letter with headers and body", nil, api.ArchivedDetail{}, ""},
		{"GET", aRoute + "/skips", RoleViewer, s.openSkips, "What keys went on without and nobody has seen to, oldest first", nil, api.Page[api.OpenSkip]{}, "limit after"},
		{"GET", "/api/v1/audit/verify", RoleViewer, s.verify, "Whether the audit is as it was written", nil, api.AuditCheck{}, "expect"},
		{"GET", aRoute + "/keys", RoleViewer, s.keys, "The keys of a route", nil, api.Page[api.Lane]{}, "limit after key blocked state"},
		{"GET", aRoute + "/keys/{key}", RoleViewer, s.key, "A key in all its epochs", nil, api.Key{}, ""},
		{"GET", aRoute + "/keys/{key}/explain", RoleViewer, s.explain, "What a key waits for, and what would let it go on", nil, api.Explanation{}, ""},
	}
}

// sights are the views of people who look on.
func (s *Server) sights() []endpoint {
	return []endpoint{
		{"GET", "/api/v1/me", RoleViewer, s.me, "Who asks, and what they may do", nil, api.Me{}, ""},
		{"GET", aRoute, RoleViewer, s.route, "A route with what it was told to do, and how fast it is", nil, api.RouteDetail{}, ""},
		{"GET", "/api/v1/history", RoleViewer, s.history, "What a route moved within the last hours, or all routes together", nil, api.History{}, "route hours"},
		{"GET", "/api/v1/search", RoleViewer, s.find, "Keys, dead letters, archived ones and operations that fit some words, for a moment at a time", nil, api.Hits{}, "q route limit after"},
		{"GET", "/api/v1/stream", RoleViewer, s.stream, "The routes with their counts, at once and then whenever something has changed, as server-sent events", nil, events{api.Tick{}}, ""},
		{"GET", aRoute + "/keys/{key}/line", RoleViewer, s.line, "The revisions of a key, drawn as a line", nil, api.Line{}, "epoch"},
	}
}

// metrics are for those who count.
func (s *Server) metrics() []endpoint {
	serve := func(w http.ResponseWriter, r *http.Request) { s.cfg.Metrics.ServeHTTP(w, r) }
	return []endpoint{{"GET", "/metrics", RoleViewer, serve, "Metrics as Prometheus takes them", nil, nil, ""}}
}

// changes are the endpoints that change something.
func (s *Server) changes() []endpoint {
	return []endpoint{
		{"POST", aRoute + "/pause", RoleOperator, s.change(s.pauseRoute), "Stop taking from the sources", api.Change{}, api.Outcome{}, ""},
		{"POST", aRoute + "/resume", RoleOperator, s.change(s.resumeRoute), "Go on, or start a route that stopped by itself", api.Change{}, api.Outcome{}, ""},
		{"POST", aRoute + "/dead-letters/{id}/redrive", RoleOperator, s.change(s.redrive), "Send a dead letter through again", api.Change{}, api.Outcome{}, ""},
		{"POST", aRoute + "/dead-letters/{id}/discard", RoleOperator, s.change(s.discard), "Give a dead letter up for good", api.Change{}, api.Outcome{}, ""},
		{"POST", aRoute + "/keys/{key}/skip", RoleOperator, s.change(s.skip), "Let a key go on at a revision, without those before it", api.Change{}, api.Outcome{}, ""},
		{"POST", aRoute + "/dead-letters/{id}/archive", RoleOperator, s.change(s.archiveLetter), "Put a dead letter away", api.Change{}, api.Outcome{}, ""},
		{"POST", aRoute + "/dead-letters/{id}/edit", RoleAdmin, whole(s.edit), "Give a dead letter other content: for who sees payloads in full", api.Edit{}, api.Outcome{}, ""},
		{"POST", aRoute + "/import", RoleAdmin, s.takeIn, "Add dead letters from elsewhere, at most 100 at once", api.Import{}, api.Outcome{}, ""},
		{"POST", aRoute + "/archive/{id}/restore", RoleOperator, s.change(s.restore), "Make an archived dead letter one again, or undo an edit", api.Change{}, api.Outcome{}, ""},
		{"POST", aRoute + "/keys/{key}/close", RoleOperator, s.change(s.closeSkip), "Say that somebody has seen to a skip, which begins at to", api.Change{}, api.Outcome{}, ""},
		{"POST", aRoute + "/keys/{key}/purge", RoleAdmin, s.change(s.purge), "Forget the content of all stored messages of a key", api.Change{}, api.Outcome{}, ""},
		{"GET", aRoute + "/operations", RoleViewer, s.operations, "The operations on many dead letters, oldest first", nil, api.Page[api.Operation]{}, ""},
		{"POST", aRoute + "/operations", RoleOperator, s.start, "Plan or begin an operation on many dead letters", api.Request{}, api.Begun{}, ""},
		{"GET", aRoute + "/operations/{id}", RoleViewer, s.operation, "How an operation is doing", nil, api.Operation{}, ""},
		{"POST", aRoute + "/operations/{id}/pause", RoleOperator, s.command(Operator.PauseOperation), "Have an operation send nothing more for now", api.Change{}, api.Operation{}, ""},
		{"POST", aRoute + "/operations/{id}/resume", RoleOperator, s.command(Operator.ResumeOperation), "Have an operation go on", api.Change{}, api.Operation{}, ""},
		{"POST", aRoute + "/operations/{id}/cancel", RoleOperator, s.command(Operator.CancelOperation), "End an operation; the rest stay dead letters", api.Change{}, api.Operation{}, ""},
		{"POST", aRoute + "/keys/{key}/release", RoleOperator, s.change(s.release), "Give a gap its time once more, or open the epoch of a record that was created anew", api.Change{}, api.Outcome{}, ""},
	}
}

// handler is the whole interface, guarded.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mount(mux, s.endpoints(), s.served, s.allowed)
	mount(mux, s.pages(), s.seen, func(least Role, next http.HandlerFunc) http.HandlerFunc {
		return s.seen(endpoint{http.MethodGet, "", least, next, "", nil, nil, ""})
	})
	mux.HandleFunc("/", s.nowhere())
	return s.guarded(wholly(mux))
}

// mount serves endpoints, and refuses the methods that their paths do not take: in
// the same way as the endpoints themselves to who may not see them.
func mount(mux *http.ServeMux, all []endpoint, serve func(endpoint) http.HandlerFunc, allowed func(Role, http.HandlerFunc) http.HandlerFunc) {
	others := map[string]*otherwise{}
	for _, e := range all {
		mux.HandleFunc(e.method+" "+e.path, wholeKeys(serve(e)))
		if others[e.path] == nil {
			others[e.path] = &otherwise{role: min(e.role, RoleViewer)}
		}
		others[e.path].methods = append(others[e.path].methods, e.method)
	}
	for path, o := range others {
		mux.HandleFunc(path, allowed(o.role, o.refuse))
	}
}

// nowhere answers where there is nothing, in the words of who asks.
func (s *Server) nowhere() http.HandlerFunc {
	page := s.seen(endpoint{"GET", "/", RoleViewer, s.console.NotFound, "", nil, nil, ""})
	text := s.allowed(RoleViewer, func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, api.NotFound, "there is nothing at this path", "GET /api/v1/routes lists the routes")
	})
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.cfg.NoConsole && wantsPage(r) && !strings.HasPrefix(r.URL.Path, "/api/") {
			page(w, r)
			return
		}
		text(w, r)
	}
}

// served is an endpoint behind what protects it: first who asks, which costs
// nothing, then how many do.
func (s *Server) served(e endpoint) http.HandlerFunc {
	handle := s.writable(e)
	if e.role != RoleAnyone && !e.streams() {
		handle = s.bounded(handle)
	}
	return s.allowed(e.role, handle)
}

// writable is an endpoint, or its refusal where nothing may be changed.
func (s *Server) writable(e endpoint) http.HandlerFunc {
	if s.cfg.ReadOnly && e.method != http.MethodGet {
		return refused
	}
	return e.handle
}

// otherwise refuses the methods that a path does not take. GET takes HEAD along.
type otherwise struct {
	role    Role
	methods []string
}

func (o *otherwise) refuse(w http.ResponseWriter, r *http.Request) {
	allow := map[string]bool{}
	for _, m := range o.methods {
		allow[m] = true
	}
	hint := "this path changes something: use " + strings.Join(o.methods, " or ")
	switch {
	case allow[http.MethodGet] && len(allow) == 1:
		hint = "this path only reads: use GET"
	case allow[http.MethodGet]:
		hint = "use " + strings.Join(o.methods, " or ")
	}
	if allow[http.MethodGet] {
		allow[http.MethodHead] = true
	}
	w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(allow)), ", "))
	fail(w, http.StatusMethodNotAllowed, api.MethodNotAllowed, r.Method+" is not served here", hint)
}

// guarded sets the headers that keep a browser from showing, keeping or sharing
// what is a payload, and refuses requests that were meant for another host, or
// that a page of another host makes to change something.
func (s *Server) guarded(next http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range [...][2]string{
			{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
			{"X-Content-Type-Options", "nosniff"},
			{"X-Frame-Options", "DENY"},
			{"Cache-Control", "no-store"},
			{"Referrer-Policy", "no-referrer"},
			{"Cross-Origin-Resource-Policy", "same-origin"},
			{"Cross-Origin-Opener-Policy", "same-origin"},
		} {
			w.Header().Set(h[0], h[1])
		}
		if !s.meant(r) {
			fail(w, http.StatusForbidden, api.BadHost, "the Host of this request is no name of this bridge",
				"ask for 127.0.0.1 or localhost, with the port; other names are taken if admin.hosts in the topology file has them")
			return
		}
		if foreign.Check(r) != nil {
			fail(w, http.StatusForbidden, api.CrossOrigin, "this request comes from a page of another host", "ask without a browser")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bounded gives a request a deadline, has it wait while answers have had their share
// of the processors, and refuses it while too many are under way.
func (s *Server) bounded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.busy <- struct{}{}:
			defer func() { <-s.busy }()
		default:
			s.overworked(w)
			return
		}
		ctx, cancel := context.WithTimeout(withAsker(r.Context(), r.Context()), requestTimeout)
		defer cancel()
		// What changes something, and what counts, is not kept waiting by those who look.
		if r.Method == http.MethodGet && r.URL.Path != "/metrics" && s.budget.wait(ctx) != nil {
			s.overworked(w)
			return
		}
		defer func(began time.Time) { s.budget.charge(time.Since(began)) }(time.Now())
		next(w, r.WithContext(ctx))
	}
}

func (s *Server) overworked(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	fail(w, http.StatusTooManyRequests, api.Busy, "too many requests are under way", "try again in a second")
}
