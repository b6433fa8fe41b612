package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// listener is somebody who reads a stream, within a bubble.
type listener struct {
	*httptest.ResponseRecorder
	mu    sync.Mutex
	parts []string
}

func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parts = append(l.parts, string(b))
	return len(b), nil
}

// heard is what was written since it was asked last: status or comment, by when.
func (l *listener) heard() (ticks []api.Tick, comments int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, part := range l.parts {
		if data, ok := strings.CutPrefix(part, "event: status\ndata: "); ok {
			var tick api.Tick
			if json.Unmarshal([]byte(strings.TrimSuffix(data, "\n\n")), &tick) == nil && strings.Count(data, "\n") == 2 {
				ticks = append(ticks, tick)
			}
		} else if strings.HasPrefix(part, ":") {
			comments++
		}
	}
	l.parts = nil
	return ticks, comments
}

// listen opens a stream; ended is closed when it is over.
func listen(t *testing.T, s *Server) (l *listener, ended chan struct{}, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l, ended = &listener{ResponseRecorder: httptest.NewRecorder()}, make(chan struct{})
	r := httptest.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:8321/api/v1/stream", nil)
	go func() { defer close(ended); s.handler().ServeHTTP(l, r) }()
	synctest.Wait()
	return l, ended, cancel
}

// counter is routes of which one changes on demand, and how often they were asked.
type counter struct{ delivered, asked atomic.Int64 }

func (c *counter) routes(context.Context) []status.Route {
	c.asked.Add(1)
	return []status.Route{{Name: "orders", Counts: status.Counts{Delivered: c.delivered.Load()}}}
}

func counting(t *testing.T) (*Server, *counter) {
	t.Helper()
	c := &counter{}
	s, err := New(Config{Listen: "127.0.0.1:0", Routes: c.routes, Store: stubborn{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func TestAStreamTellsAtOnceAndWhenSomethingChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := counting(t)
		l, ended, leave := listen(t, s)
		if got := l.Header().Get("Content-Type"); got != "text/event-stream" {
			t.Error(got)
		}
		if ticks, _ := l.heard(); len(ticks) != 1 || ticks[0].Routes[0].Name != "orders" || ticks[0].At.IsZero() {
			t.Fatalf("at once: %+v", ticks)
		}
		time.Sleep(61 * time.Second)
		if ticks, comments := l.heard(); len(ticks) != 0 || comments != 4 {
			t.Errorf("while nothing changed: %d events, %d comments", len(ticks), comments)
		}
		for range 100 { // 10 s
			c.delivered.Add(1)
			time.Sleep(100 * time.Millisecond)
		}
		ticks, _ := l.heard()
		if len(ticks) < 4 || len(ticks) > 6 || ticks[len(ticks)-1].Routes[0].Counts.Delivered < 70 {
			t.Errorf("while it changed all the time: %d events in 10 s", len(ticks))
		}
		leave()
		<-ended
		asked := c.asked.Load()
		time.Sleep(time.Minute)
		if c.asked.Load() != asked {
			t.Error("the routes are asked though nobody listens")
		}
	})
}

func TestManyStreamsAskTheRoutesOnceAndAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := counting(t)
		var leaves []func()
		for range maxStreams {
			_, _, leave := listen(t, s)
			leaves = append(leaves, leave)
		}
		if w := ask(s, "GET", "/api/v1/stream", ""); w.Code != 429 || !strings.Contains(w.Body.String(), api.Busy) {
			t.Errorf("one too many: %d %s", w.Code, w.Body)
		}
		if w := ask(s, "GET", "/api/v1/routes", ""); w.Code != 200 {
			t.Errorf("other requests have no place any more: %d", w.Code)
		}
		before := c.asked.Load()
		time.Sleep(20*time.Second + time.Millisecond)
		if n := c.asked.Load() - before; n > 11 {
			t.Errorf("asked %d times in 20 s", n)
		}
		leaves[0]()
		synctest.Wait()
		if _, ended, leave := listen(t, s); true {
			select {
			case <-ended:
				t.Error("a place that was left cannot be taken")
			default:
			}
			leave()
		}
		for _, leave := range leaves {
			leave()
		}
		synctest.Wait()
	})
}

func TestAStreamEndsAfterTenMinutesAndWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := counting(t)
		began := time.Now()
		_, ended, leave := listen(t, s)
		<-ended
		if took := time.Since(began); took != streamFor {
			t.Errorf("it took %s", took)
		}
		leave()
		_, ended, leave = listen(t, s)
		defer leave()
		s.feed.end()
		<-ended
		if took := time.Since(began); took != streamFor {
			t.Errorf("the end of the server took until %s", took)
		}
	})
}

// TestAStreamOutlivesTheDeadlinesOfRequests has a server with deadlines shorter than
// the stream, which cut other answers.
func TestAStreamOutlivesTheDeadlinesOfRequests(t *testing.T) {
	s, c := counting(t)
	srv := httptest.NewUnstartedServer(s.handler())
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	srv.Start()
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	for events := 0; events < 2; { // the second comes after two seconds
		if !lines.Scan() {
			t.Fatalf("it ended after %d events: %v", events, lines.Err())
		}
		if strings.HasPrefix(lines.Text(), "data: ") {
			events++
			c.delivered.Add(1)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// TestASlowReaderIsCutOff has a reader that takes nothing: the stream ends, and what
// was written for it is not kept.
func TestASlowReaderIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := counting(t)
		s.feed.routes = func(context.Context) []status.Route {
			return []status.Route{{Name: "orders", Reason: strings.Repeat("x", 1<<20)}}
		}
		near, far := net.Pipe() // has no room for anything
		defer func() { _, _ = near.Close(), far.Close() }()
		began, over := time.Now(), make(chan struct{})
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(over)
			s.handler().ServeHTTP(w, r)
		})}
		l := &single{conn: far, ended: make(chan struct{})}
		done := make(chan struct{})
		go func() { defer close(done); _ = srv.Serve(l) }()
		if _, err := near.Write([]byte("GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		<-over
		if took := time.Since(began); took > 2*streamPatience {
			t.Errorf("it took %s", took)
		}
		if len(s.feed.places) != 0 {
			t.Error("its place is not free")
		}
		_ = srv.Close()
		<-done
	})
}

// single is a listener that accepts one connection.
type single struct {
	conn  net.Conn
	once  sync.Once
	ended chan struct{}
}

func (l *single) Accept() (c net.Conn, err error) {
	if c, l.conn = l.conn, nil; c != nil {
		return c, nil
	}
	<-l.ended
	return nil, net.ErrClosed
}

func (l *single) Close() error {
	l.once.Do(func() { close(l.ended) })
	return nil
}

func (l *single) Addr() net.Addr { return &net.TCPAddr{} }
