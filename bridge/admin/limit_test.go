package admin

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
)

// start runs a server and returns its address; it has ended when the test has.
func start(t *testing.T, s *Server) string {
	t.Helper()
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addr()
}

func TestServesUntilItsContextEnds(t *testing.T) {
	s := server(t, status.Running)
	if s.Addr() != "" {
		t.Error("an address before it listens")
	}
	addr := start(t, s)
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + addr + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// stubborn is a store that answers only when the request is over, or panics.
type stubborn struct {
	store.Store
	err     error
	entered chan struct{}
}

func (s stubborn) Lanes(ctx context.Context, _ store.Query) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if s.err == nil {
			s.entered <- struct{}{}
			<-ctx.Done()
			s.err = ctx.Err()
		}
		yield(store.Record{}, s.err)
	}
}

func TestF6SlowRequestsEndAndDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := stubborn{entered: make(chan struct{}, maxRequests)}
		s, err := New(Config{Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: st, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		codes := make(chan string, maxRequests)
		began := time.Now()
		for range maxRequests {
			go func() { codes <- ask(s, "GET", "/api/v1/routes/orders/keys", "").Body.String() }()
		}
		for range maxRequests {
			<-st.entered
		}
		if w := ask(s, "GET", "/api/v1/routes", ""); w.Code != 429 || !strings.Contains(w.Body.String(), api.Busy) || w.Header().Get("Retry-After") == "" {
			t.Errorf("one too many: %d %s", w.Code, w.Body)
		}
		if w := ask(s, "GET", "/readyz", ""); w.Code != 200 {
			t.Errorf("health waits for others: %d", w.Code)
		}
		for range maxRequests {
			if body := <-codes; !strings.Contains(body, api.Timeout) {
				t.Error(body)
			}
		}
		if took := time.Since(began); took > requestTimeout {
			t.Errorf("they took %s", took)
		}
		if w := ask(s, "GET", "/api/v1/routes", ""); w.Code != 200 {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}

// What a store says of itself is for the log, not for callers.
func TestAFailedStoreIsAnError(t *testing.T) {
	var log strings.Builder
	s, err := New(Config{
		Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: stubborn{err: errors.New("block 7 is torn")},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := ask(s, "GET", "/api/v1/routes/orders/keys/k", "")
	if w.Code != 500 || !strings.Contains(w.Body.String(), api.StoreFailed) || strings.Contains(w.Body.String(), "torn") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "block 7 is torn") {
		t.Error(log.String())
	}
}

func TestF6ConnectionsAreBounded(t *testing.T) {
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limited(inner, 1)
	accepted := make(chan net.Conn)
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	for range 2 {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	first := <-accepted
	select {
	case <-accepted:
		t.Fatal("a second connection beside the only one allowed")
	case <-time.After(50 * time.Millisecond):
	}
	_ = first.Close()
	_ = first.Close() // twice gives its place back once
	second := <-accepted
	_ = l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	_ = second.Close()
}

// endless is an audit that is read for as long as somebody asks.
type endless struct {
	Store
	begun, over chan struct{}
}

func (e endless) Audits(ctx context.Context, _ store.AuditQuery) iter.Seq2[store.Audit, error] {
	return func(yield func(store.Audit, error) bool) {
		close(e.begun)
		<-ctx.Done()
		close(e.over)
		yield(store.Audit{}, ctx.Err())
	}
}

// Whoever goes away gives the place back that a long look takes; a page does not take
// longer than any other. That nobody waited says nothing of the audit.
func TestI7_NobodyVerifiesTheAuditForNobody(t *testing.T) {
	for path, leaves := range map[string]bool{"/api/v1/audit/verify": true, "/audit/verify": false} {
		synctest.Test(t, func(t *testing.T) {
			e := endless{stuck(t), make(chan struct{}), make(chan struct{})}
			s, err := New(Config{Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: e, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			w := httptest.NewRecorder()
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				s.handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:8321"+path, nil))
			}()
			<-e.begun
			if leaves {
				time.Sleep(2 * requestTimeout)
				select {
				case <-e.over:
					t.Errorf("%s: it ends though somebody waits", path)
				default:
				}
				leave()
			}
			time.Sleep(requestTimeout + time.Second)
			select {
			case <-answered:
			default:
				t.Fatalf("%s: it goes on for nobody", path)
			}
			if w.Code != 500 && leaves || w.Code != 504 && !leaves || strings.Contains(w.Body.String(), "not as it was written") || len(s.busy) != 0 {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		})
	}
}
