package console

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/browser"
)

// quiet serves one page, of which the answer to its first asking depends; its stream
// tells of changes so many times, and then of none.
func quiet(t *testing.T, news int, first func(http.ResponseWriter, *http.Request)) (asked *atomic.Int64, b *browser.Browser) {
	t.Helper()
	asked = &atomic.Int64{}
	mux := http.NewServeMux()
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("GET /assets/", asset(assets))
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range news {
			_, _ = fmt.Fprint(w, "event: status\ndata: {}\n\n")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(2500 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		if n == 2 {
			first(w, r)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><div id="live-tools"></div><main id="main"><p id="n" data-live="n">%d</p></main><script src="/assets/console.js"></script>`, n)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	b, err = browser.Open(t.Context(), srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := b.Go("/"); err != nil {
		t.Fatal(err)
	}
	return asked, b
}

// What changes while a page is being asked for is not left for later.
func TestNewsWhileThePageIsAskedForCount(t *testing.T) {
	t.Parallel()
	asked, b := quiet(t, 2, func(http.ResponseWriter, *http.Request) { time.Sleep(5 * time.Second) })
	within(t, 15*time.Second, func() bool { return asked.Load() >= 3 })
	within(t, 5*time.Second, func() bool { text, err := b.Text("#n"); return err == nil && strings.TrimSpace(text) == "3" })
}

// An answer that never comes does not end the page's life.
func TestAPageOutlivesAnAnswerThatNeverComes(t *testing.T) {
	t.Parallel()
	asked, _ := quiet(t, 1, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	within(t, 25*time.Second, func() bool { return asked.Load() >= 3 })
}

// within waits for what a browser does.
func within(t *testing.T, patience time.Duration, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s", patience)
		}
	}
}
