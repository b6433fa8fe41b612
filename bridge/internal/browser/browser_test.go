package browser_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/browser"
)

// serve is a bridge with one page, and a browser before it.
func serve(t *testing.T, policy, page string) *browser.Browser {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/favicon.ico" {
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = w.Write([]byte("<!doctype html><main>" + page + "</main>"))
	}))
	t.Cleanup(srv.Close)
	b, err := browser.Open(t.Context(), srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := b.Go("/"); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTheTrapsSpring: each thing that no page may do is noted.
func TestTheTrapsSpring(t *testing.T) {
	for name, c := range map[string]struct{ policy, page, want string }{
		"an alert":                {"", `<script>setTimeout(() => alert(1))</script><p id=x>x</p>`, "a dialog opened"},
		"an error":                {"", `<script>console.error("no")</script>`, "the console has a error"},
		"an exception":            {"", `<script>nothing.at.all</script>`, "a script failed"},
		"another host":            {"", `<img src="http://192.0.2.1/x.png">`, "a request left for http://192.0.2.1/x.png"},
		"what the policy forbids": {"script-src 'none'", `<script>1</script>`, "Content Security Policy"},
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, c.policy, c.page)
			if err := b.Go("/again"); err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(b.Faults(), "\n"); !strings.Contains(all, c.want) {
				t.Errorf("noted %q, want %q", all, c.want)
			}
		})
	}
}

// TestWhatIsTypedReplacesWhatWasThere, also with nothing, and in a field of numbers.
func TestWhatIsTypedReplacesWhatWasThere(t *testing.T) {
	b := serve(t, "", `<form action="/there"><input name="a" value="old"><input name="n" type="number" value="5"><button>go</button></form>`)
	for _, text := range []string{"new", ""} {
		if err := errors.Join(b.Go("/"), b.Type("input[name=a]", text), b.Type("input[name=n]", "12"), b.Click("button")); err != nil {
			t.Fatal(err)
		}
		if at, err := b.Where(); err != nil || at != "/there?a="+text+"&n=12" {
			t.Errorf("at %s, %v", at, err)
		}
	}
	if faults := b.Faults(); len(faults) > 0 {
		t.Error(faults)
	}
}

// TestAGoodPageHasNoFaults, is seen as it is told, and its picture is one.
func TestAGoodPageHasNoFaults(t *testing.T) {
	b := serve(t, "default-src 'none'", `<p>hello</p><form action="/there"><button>go</button></form>`)
	if err := b.As(browser.Phone.InTheDark()); err != nil {
		t.Fatal(err)
	}
	if text, err := b.Text("p"); err != nil || text != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	if wide, err := b.Wide(); err != nil || wide != 0 {
		t.Errorf("%d pixels too wide, %v", wide, err)
	}
	if err := b.Click("button"); err != nil {
		t.Error(err)
	}
	if at, err := b.Where(); err != nil || !strings.HasPrefix(at, "/there") {
		t.Errorf("at %s, %v", at, err)
	}
	file := filepath.Join(t.TempDir(), "page.png")
	if err := b.Picture(file); err != nil {
		t.Fatal(err)
	}
	if png, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(png), "\x89PNG") {
		t.Errorf("%d bytes, %v", len(png), err)
	}
	if faults := b.Faults(); len(faults) > 0 {
		t.Error(faults)
	}
}
