package admin

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// hits asks for all pages of a search: "kind id or key".
func hits(t *testing.T, s *Server, query, rest string) (all []string, looked int64) {
	t.Helper()
	at := "/api/v1/search?q=" + url.QueryEscape(query) + rest
	for pages := 0; at != ""; pages++ {
		page := read[api.Hits](t, ask(s, "GET", at, ""))
		for _, h := range page.Items {
			name := h.ID
			if name == "" {
				name = h.Raw()
			}
			all = append(all, h.Kind+" "+name)
		}
		if at, looked = page.Next, looked+page.Looked; pages > 1000 {
			t.Fatal("it does not end")
		}
	}
	return all, looked
}

// library is a store with keys and dead letters to look for.
func library(t *testing.T) *Server {
	t.Helper()
	s := opened(t, memory.New())
	for i, key := range []string{"order:42", "order:420", "order:7", "a b", `q"q`, "\xff\x00"} {
		d := deadAt(fmt.Sprintf("d%d", i), key, lane.Revision(4+i))
		d.At, d.Reason = noon.Add(time.Duration(i)*time.Minute), []string{"too_large", "permanent"}[i%2]
		d.Error = fmt.Sprintf("Field %d is NOT there", i)
		d.Metadata = map[string]string{"Type": fmt.Sprint("created ", i)}
		commit(t, s, store.Change{
			Key:    store.Key{Route: "orders", Name: key},
			Record: &store.Record{State: lane.State{Base: 1, Next: d.Rev, Highest: d.Rev - 1, Mode: lane.Quarantined}}, Dead: []store.DeadLetter{d},
		})
	}
	old := deadAt("old1", "order:42", 2)
	commit(t, s, store.Change{Key: store.Key{Route: "orders"}, Archive: []store.Archived{{DeadLetter: old, ArchivedAt: noon}}})
	return over(t, s, nil)
}

// Each word costs a look at each message, and is written in a few bytes.
func TestI7_ASearchHasFewWords(t *testing.T) {
	s := library(t)
	for n, code := range map[int]int{maxTerms: 200, maxTerms + 1: 400, 1000: 400} {
		w := ask(s, "GET", "/api/v1/search?q="+url.QueryEscape(strings.Repeat("error:e ", n)), "")
		if w.Code != code || code != 200 && !strings.Contains(w.Body.String(), "at most 20") {
			t.Errorf("%d words: %d %s", n, w.Code, w.Body)
		}
	}
}

func TestSearchFindsByWords(t *testing.T) {
	s := library(t)
	for query, want := range map[string][]string{
		"order:42":                      {"key order:42", "key order:420", "dead_letter d0", "dead_letter d1", "archived old1"},
		"key:order:42":                  {"key order:42", "key order:420", "dead_letter d0", "dead_letter d1", "archived old1"},
		"order: reason:too_large":       {"dead_letter d2", "dead_letter d0"},
		"d3":                            {"dead_letter d3"},
		"id:d":                          {"dead_letter d5", "dead_letter d4", "dead_letter d3", "dead_letter d2", "dead_letter d1", "dead_letter d0"},
		"msg-d2":                        {"dead_letter d2"},
		"id:msg-old1":                   {"archived old1"},
		"reason:permanent":              {"dead_letter d5", "dead_letter d3", "dead_letter d1", "archived old1"},
		"reason:permanent ROUTE:orders": {"dead_letter d5", "dead_letter d3", "dead_letter d1", "archived old1"},
		"reason:permanent route:fresh":  nil,
		`error:"3 is not"`:              {"dead_letter d3"},
		`header:type="created 4"`:       {"dead_letter d4"},
		`header:"type"="created 9"`:     nil,
		`"a b"`:                         {"key a b", "dead_letter d3"},
		`"q\"q"`:                        {`key q"q`, "dead_letter d4"},
		"\xff":                          {"key \xff\x00", "dead_letter d5"},
		"since:2026-03-04T12:04:00Z":    {"dead_letter d5", "dead_letter d4"},
		"until:2026-03-04T12:01:00Z":    {"dead_letter d0", "archived old1"},
		"key:order: since:2026-03-04T12:01:00Z until:2026-03-04T12:02:00Z": {"dead_letter d1"},
		"since:1ns":                        nil,
		"nothing":                          nil,
		"group:" + fingerprint(t, s, "d0"): {"dead_letter d4", "dead_letter d2", "dead_letter d0"}, // a cause has no numbers
	} {
		if got, _ := hits(t, s, query, ""); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
		if got, _ := hits(t, s, query, "&limit=1"); !slices.Equal(got, want) {
			t.Errorf("%s, one by one: %q, want %q", query, got, want)
		}
	}
	if got, _ := hits(t, s, "order:", "&route=fresh"); len(got) != 0 {
		t.Errorf("of another route: %q", got)
	}
}

// fingerprint is the group of a dead letter.
func fingerprint(t *testing.T, s *Server, id string) string {
	t.Helper()
	d, err := s.cfg.Store.DeadLetter(t.Context(), "orders", id)
	if err != nil {
		t.Fatal(err)
	}
	return d.Fingerprint
}

func TestASearchThatIsWrongSaysWhere(t *testing.T) {
	s := library(t)
	for query, at := range map[string]int{
		"": 1, "   ": 1, `key:"a`: 5, `a  "b`: 4, "key:": 1, "x key: y": 3, "header:type": 8, "a header:=b": 10, "a since:yesterday": 3,
		"until:-2h": 1, "since:2026-03-04T12:00:00Z until:2026-03-04T12:00:00Z": 1, "route:orders route:fresh": 14, strings.Repeat("x", maxQuery+1): maxQuery + 1,
	} {
		w := ask(s, "GET", "/api/v1/search?q="+url.QueryEscape(query), "")
		if want := fmt.Sprintf("at character %d of the search", at); w.Code != 400 || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `"hint"`) {
			t.Errorf("%q: %d %s, want %s", query, w.Code, w.Body, want)
		}
	}
	for url, code := range map[string]int{
		"?q=a&route=none": 404, "?q=route:none": 404, "?q=a&limit=0": 400, "?q=a&after=x": 400, "?q=a&after=all.none.": 400, "?q=a&after=none.orders.": 400,
	} {
		if w := ask(s, "GET", "/api/v1/search"+url, ""); w.Code != code {
			t.Errorf("%s: %d %s", url, w.Code, w.Body)
		}
	}
}

func FuzzSearch(f *testing.F) {
	for _, text := range []string{`a key:"b \" c" header:x=y`, `header:"a b"="c"`, "since:2h until:1h", "key:", "\xff:\x00", `"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := parseSearch(text, noon)
		if err != nil {
			return
		}
		for _, w := range q.terms {
			if w.at < 0 || w.at >= len(text) || w.value == "" && w.field != "header" {
				t.Errorf("%q: %+v", text, w)
			}
		}
	})
}

// TestI11_NobodyGuessesByASearch: what is looked for is compared with what its caller
// sees of it, so that no search tells what a mask or a permission hides.
func TestI11_NobodyGuessesByASearch(t *testing.T) {
	s := masking(t, holding(t, message(theSecret, theRest)))
	found := func(token, query string) (n, code int) {
		w := asks(s, "GET", "/api/v1/search?q="+url.QueryEscape(query), token)
		if w.Code != 200 {
			return 0, w.Code
		}
		return len(read[api.Hits](t, w).Items), w.Code
	}
	for _, query := range []string{"header:authorization=" + theSecret + "-3", "error:" + theSecret, `error:"` + theSecret + `-2"`, "header:X-My-Token=" + theSecret + "-4"} {
		if n, code := found("token-of-the-admin", query); code != 200 || n == 0 {
			t.Errorf("%s for who sees all: %d, %d found", query, code, n)
		}
		if n, code := found("admin-who-sees-masked", query); code != 200 || n != 0 {
			t.Errorf("%s for who sees it masked: %d, %d found", query, code, n)
		}
		if _, code := found("admin-who-sees-nothing", query); code != 403 {
			t.Errorf("%s for who sees nothing: %d", query, code)
		}
	}
	if n, code := found("admin-who-sees-masked", "header:type="+theRest); code != 200 || n == 0 {
		t.Errorf("what is not masked: %d, %d found", code, n)
	}
	if n, code := found("admin-who-sees-nothing", "reason:permanent"); code != 200 || n == 0 {
		t.Errorf("what is no content: %d, %d found", code, n)
	}
}
