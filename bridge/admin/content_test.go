package admin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/mask"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// secretive are rules for the tests: headers of some names, members "secret" of any
// depth, and a path.
func secretive() *mask.Rules {
	return mask.New([]string{"authorization", "x-*-token"}, []mask.Path{
		{{Deep: true}, {Name: "secret"}},
		{{Name: "items"}, {Any: true}, {Name: "iban"}},
	})
}

// message is a message with a secret in whatever place a rule names, and the error of
// a target that repeats all of it.
func message(secret, open string) store.Message {
	m := store.Message{
		ID: "m1", Rev: 4, ParkedAt: noon,
		Payload: fmt.Appendf(nil, `{"note":"%s","n":12345678901234567890,"a":[{"Secret":{"x":["%s-1"]}}],"items":[{"iban":"%[2]s-2"}]}`, open, secret),
		Metadata: map[string]string{
			"Authorization": secret + "-3", "x-my-token": secret + "-4", "type": open, "x-error": "refused " + secret + "-2",
			"bridge-amqp":  fmt.Sprintf(`{"exchange":"%s","values":{"authorization":["%s-5"]}}`, open, secret),
			"bridge-kafka": "no JSON " + secret + "-6",
		},
	}
	m.Tries = store.Tries{Attempts: 2, Class: "permanent", FirstFailed: noon, LastFailed: noon, Error: fmt.Sprintf("%s: refused %s, %v", open, m.Payload, m.Metadata)}
	m.Log = m.Log.Add(store.Try{At: noon, Class: "permanent", Error: m.Error})
	return m
}

// holding is a store that has the message wherever it can be.
func holding(t *testing.T, m store.Message) store.Store {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Open(t.Context(), store.Identity{Route: "orders"}); err != nil {
		t.Fatal(err)
	}
	letter := func(id, key string, inLane bool) store.DeadLetter {
		return store.DeadLetter{Route: "orders", ID: id, Key: key, Lane: inLane, Reason: "permanent", Target: "orders", At: noon, Message: m}
	}
	state := lane.State{Base: 1, Next: 4, Highest: 4, Mode: lane.Quarantined}
	waits := lane.State{Base: 1, Next: 4, Highest: 4, Lowest: 4, Parked: 1, Mode: lane.Waiting}
	for _, err := range s.Commit(t.Context(),
		store.Change{Key: store.Key{Route: "orders", Name: "gap"}, Record: &store.Record{Since: noon, State: state}, Dead: []store.DeadLetter{letter("d1", "gap", true)}},
		store.Change{Key: store.Key{Route: "orders", Name: "waits"}, Record: &store.Record{Since: noon, State: waits}, Park: []store.Message{m}},
		store.Change{
			Key:     store.Key{Route: "orders"},
			Dead:    []store.DeadLetter{letter("d2", "gap", false), letter("d3", "", false)},
			Archive: []store.Archived{{DeadLetter: letter("d1", "gap", true), ArchivedAt: noon, By: "ann", Why: "for later"}},
		},
	) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// masking is a server that wants tokens and masks.
func masking(t *testing.T, s store.Store) *Server {
	t.Helper()
	srv, _ := locked(t, func(c *Config) {
		c.Routes = func(context.Context) []status.Route {
			return []status.Route{{
				Name: "orders", State: status.Paused, Reason: "dead_letter: refused " + theSecret + " of " + theRest,
				Breaker: "open", Trip: &status.Trip{At: noon, Why: "no place for " + theSecret + " of " + theRest},
			}}
		}
		c.Teller = quoting{}
		c.Store, c.Mask, c.TraceURL = s, secretive(), "https://jaeger.example/{trace}"
		for i := range c.Tokens {
			c.Tokens[i].Payloads = map[Role]Payloads{RoleViewer: PayloadsHidden, RoleOperator: "", RoleAdmin: PayloadsFull}[c.Tokens[i].Role]
		}
		for token, p := range map[string]Payloads{"admin-who-sees-masked": PayloadsMasked, "admin-who-sees-nothing": PayloadsHidden} {
			c.Tokens = append(c.Tokens, Token{Name: token, Role: RoleAdmin, Sum: sha256.Sum256([]byte(token)), Payloads: p})
		}
		c.Lane = func(_ context.Context, _, key string, _ uint32) (Live, bool) {
			live := Live{State: lane.State{Base: 1, Next: 4, Highest: 4, Mode: lane.Waiting}, Since: noon, Due: noon.Add(time.Hour)}
			if key != "held" { // one that is in memory alone; of the others the store tells
				return Live{}, false
			}
			m := message(theSecret, theRest)
			live.Tries = m.Tries
			return live, true
		}
	})
	return srv
}

// quoting tells of a breaker that opened at an error that quotes a message.
type quoting struct{}

func (quoting) Policies(string) []api.Policy { return nil }
func (quoting) BreakerHistory(string) []api.Breaker {
	return []api.Breaker{{At: noon, State: "open", Why: "no place for " + theSecret + " of " + theRest}, {At: noon, State: "closed"}}
}
func (quoting) Latency(string) (status.Latency, bool) { return status.Latency{}, false }

const (
	theSecret = "CANARY7secret"
	theRest   = "CANARY8open"
)

// walk asks every endpoint for whatever there is, in as many ways.
func walk(s *Server, token string, queries []string, see func(e endpoint, path string, code int, body string)) {
	for _, e := range s.endpoints() {
		seen := map[string]bool{}
		for _, id := range []string{"d1", "d2", "d3"} {
			for _, key := range []string{"gap", "waits", "held"} {
				path := strings.NewReplacer("{route}", "orders", "{id}", id, "{key}", key).Replace(e.path)
				for _, query := range queries {
					if seen[path+query] || e.method != http.MethodGet && query != "" {
						continue
					}
					seen[path+query] = true
					w := asks(s, e.method, path+query, token, posts(cmp.Or(bodies[e.path], `{"reason":"because"}`)))
					see(e, path+query, w.Code, w.Body.String())
				}
			}
		}
	}
}

func TestI11_NoAnswerShowsWhatIsMasked(t *testing.T) {
	s := masking(t, holding(t, message(theSecret, theRest)))
	for token, hides := range map[string][]string{
		"token-of-the-operator":  {theSecret},
		"admin-who-sees-masked":  {theSecret},
		"token-of-the-viewer":    {theSecret, theRest},
		"admin-who-sees-nothing": {theSecret, theRest},
		"token-of-the-admin":     nil,
	} {
		shown := 0
		walk(s, token, []string{"", "?limit=1", "?gaps=true", "?key=gap", "?q=" + theSecret, "?verbose"}, func(e endpoint, path string, code int, body string) {
			for _, word := range hides {
				if strings.Contains(body, word) {
					t.Errorf("%s %s shows %s to the %s:\n%d %s", e.method, path, word, token, code, body)
				}
			}
			if strings.Contains(body, theRest) || strings.Contains(body, theSecret) {
				shown++
			}
		})
		if want := len(hides) < 2; (shown > 5) != want {
			t.Errorf("%d answers have content for the %s", shown, token)
		}
	}
}

// A stream is one for all who listen: whoever had it made, it has what all may see.
func TestI11_AStreamShowsNobodyWhatAnotherMaySee(t *testing.T) {
	s := masking(t, holding(t, message(theSecret, theRest)))
	for _, token := range []string{"token-of-the-admin", "token-of-the-operator", "token-of-the-viewer"} {
		w := asks(s, "GET", "/api/v1/stream", token)
		if body := w.Body.String(); !strings.Contains(body, "event: status") || strings.Contains(body, "CANARY") {
			t.Errorf("%s: %d %s", token, w.Code, body)
		}
	}
}

// Who sees payloads in full sees what is masked for others: it was there.
func TestWhoSeesPayloadsInFullSeesThem(t *testing.T) {
	s := masking(t, holding(t, message(theSecret, theRest)))
	for _, path := range []string{"/dead-letters/d1", "/archive/d1", "/export", "/groups", "/dead-letters", "/keys/held/explain", "/keys/waits/explain", ""} {
		if path = "/api/v1/routes/orders" + path; path == "/api/v1/routes/orders" {
			path = "/api/v1/routes"
		}
		w := asks(s, "GET", path, "token-of-the-admin")
		if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, theSecret) || strings.Contains(body, mask.Stars) || strings.Contains(body, `"payloads"`) {
			t.Errorf("%s: %d %s", path, w.Code, body)
		}
	}
}

func TestMaskedContent(t *testing.T) {
	s := masking(t, holding(t, message(theSecret, theRest)))
	var d api.DeadLetterDetail
	if err := json.Unmarshal(asks(s, "GET", "/api/v1/routes/orders/dead-letters/d1", "token-of-the-operator").Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	want := `{"note":"CANARY8open","n":12345678901234567890,"a":[{"Secret":"***"}],"items":[{"iban":"***"}]}`
	if d.Payloads != "masked" || *d.Body.Text != want || !d.Body.Masked || d.Body.Truncated || d.Body.Size == len(want) {
		t.Errorf("%+v %s", d, *d.Body.Text)
	}
	for name, want := range map[string]string{
		"Authorization": "***", "x-my-token": "***", "type": theRest, "x-error": "refused ***",
		"bridge-amqp": `{"exchange":"CANARY8open","values":{"authorization":"***"}}`, "bridge-kafka": "",
	} {
		for _, h := range d.Headers {
			if h.Name == name && (string(h.Value.Raw()) != want || h.Value.Masked == (want == theRest || want == "") || (h.Value.Hidden != "") != (want == "")) {
				t.Errorf("%s: %+v %s", name, h, h.Value.Raw())
			}
		}
	}
	if !strings.HasPrefix(d.Error, theRest+`: refused {"note":"CANARY8open"`) || len(d.Headers) != 6 {
		t.Errorf("%s %d", d.Error, len(d.Headers))
	}
	d = api.DeadLetterDetail{}
	_ = json.Unmarshal(asks(s, "GET", "/api/v1/routes/orders/dead-letters/d1", "token-of-the-viewer").Body.Bytes(), &d)
	if d.Payloads != "hidden" || d.Body.Text != nil || d.Body.Size == 0 || d.Body.Hidden == "" || len(d.Headers) != 6 || d.Headers[0].Value.Size == 0 || !strings.HasPrefix(d.Error, "***: ***") {
		t.Errorf("%+v", d)
	}
}

func TestMaskedBodiesAreMaskedBeforeTheyAreCut(t *testing.T) {
	m := message(theSecret, theRest)
	delete(m.Metadata, "bridge-kafka")
	m.Payload = fmt.Appendf(nil, `{"pad":"%s","secret":"%s"}`, strings.Repeat("x", maxBody-len(`{"pad":"","secret":"`)-3), theSecret)
	for payload, hidden := range map[string]bool{string(m.Payload): false, "{" + string(m.Payload): true} {
		m.Payload = []byte(payload)
		w := asks(masking(t, holding(t, m)), "GET", "/api/v1/routes/orders/dead-letters/d3", "token-of-the-operator")
		if body := w.Body.String(); strings.Contains(body, "CANARY7") || strings.Contains(body, `"hidden":"it is no JSON`) != hidden {
			t.Errorf("%d … %s", w.Code, body[max(0, len(body)-300):])
		}
	}
}

// Without rules, masked shows all; hidden hides all the same.
func TestWithoutRulesMaskedIsFull(t *testing.T) {
	s := masking(t, holding(t, message(theSecret, theRest)))
	s.cfg.Mask = mask.New(nil, nil)
	for token, code := range map[string]int{"token-of-the-operator": 200, "token-of-the-admin": 200, "token-of-the-viewer": 403} {
		w := asks(s, "GET", "/api/v1/routes/orders/export", token)
		if w.Code != code || (code == 200) != strings.Contains(w.Body.String(), theSecret) {
			t.Errorf("%s: %d %s", token, w.Code, w.Body)
		}
	}
}

// On this machine, without tokens, rules hold, too.
func TestWithoutTokensWhatIsMaskedIsMasked(t *testing.T) {
	s := masking(t, holding(t, message(theSecret, theRest)))
	s.cfg.Tokens = nil
	w := asks(s, "GET", "/api/v1/routes/orders/dead-letters/d1", "")
	if body := w.Body.String(); strings.Contains(body, theSecret) || !strings.Contains(body, `"payloads":"masked"`) {
		t.Error(body)
	}
	if w := asks(s, "GET", "/api/v1/routes/orders/export", ""); w.Code != 403 {
		t.Error(w.Code, w.Body)
	}
}

func TestOnlyWhoSeesPayloadsInFullTakesOrGivesThemWhole(t *testing.T) {
	s := masking(t, holding(t, message(theSecret, theRest)))
	for _, e := range s.endpoints() {
		if e.path != aRoute+"/export" && e.path != aRoute+"/dead-letters/{id}/edit" {
			continue
		}
		for _, token := range []string{"admin-who-sees-masked", "admin-who-sees-nothing", "token-of-the-admin"} {
			w := asksFor(s, e, token)
			full := token == "token-of-the-admin"
			if full != (w.Code == 200) || full == strings.Contains(w.Body.String(), `"code":"payloads_forbidden"`) || !full && w.Code != 403 {
				t.Errorf("%s %s for %s: %d %s", e.method, e.path, token, w.Code, w.Body)
			}
		}
	}
}

// What is masked is no content: it is not taken for one.
func TestMaskedContentIsNotTakenBack(t *testing.T) {
	s, op := locked(t)
	for _, body := range []string{
		`{"reason":"r","headers":[],"body":{"size":3,"text":"***","masked":true}}`,
		`{"reason":"r","headers":[{"name":"a","value":{"size":3,"hidden":"why"}}],"body":{"size":0}}`,
	} {
		edit := strings.Replace(body, `"reason":"r",`, "", 1)
		for path, text := range map[string]string{"/dead-letters/d1/edit": body, "/import": `{"reason":"r","letters":[` + withDefaults(edit) + `]}`} {
			w := asks(s, "POST", "/api/v1/routes/orders"+path, "token-of-the-admin", posts(text))
			if w.Code != 400 || !strings.Contains(w.Body.String(), "is not whole") || len(op.calls) != 0 {
				t.Errorf("%s: %d %s %v", path, w.Code, w.Body, op.calls)
			}
		}
	}
}

// posts has a request post a text.
func posts(text string) func(*http.Request) {
	return func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(text)) }
}

func withDefaults(letter string) string {
	return `{"route":"orders","id":"d9","key":"","reason":"permanent",` + letter[1:]
}

// Whatever answers with headers or bytes of messages shows nothing to who sees
// nothing of them: no endpoint can forget it.
func TestEveryEndpointWithContentGoesThroughTheSameDoor(t *testing.T) {
	s := masking(t, holding(t, message(theSecret, theRest)))
	content := 0
	for _, e := range s.everything() {
		out := e.out
		if of, ok := out.(lines); ok {
			out = of.of
		}
		if out == nil || !holdsContent(reflect.TypeOf(out), map[reflect.Type]bool{}) {
			continue
		}
		content++
		w := asksFor(s, e, "admin-who-sees-nothing")
		body := w.Body.String()
		refused := w.Code == 403 && strings.Contains(body, api.PayloadsForbidden)
		if !refused && (w.Code != 200 || !strings.Contains(body, `"hidden":"`+payloadsHidden)) || strings.Contains(body, theRest) {
			t.Errorf("%s %s has content that does not go through contentOf: %d %s", e.method, e.path, w.Code, body)
		}
	}
	if content < 3 {
		t.Errorf("only %d endpoints have content", content)
	}
}

// holdsContent reports whether a type holds bytes or headers of messages.
func holdsContent(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == reflect.TypeFor[api.Bytes]() || t == reflect.TypeFor[api.Header]() {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsContent(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if holdsContent(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// TestI11_RandomContent: random bodies and headers, random errors that quote them; no
// answer to who sees payloads masked has what is masked, and none to who sees nothing
// of them has anything.
func TestI11_RandomContent(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 20 {
		secret, open := fmt.Sprintf("Zq%dsecret", 1000+i), fmt.Sprintf("Wv%dopen", 1000+i)
		m := message(secret, open)
		switch r.IntN(4) {
		case 0:
			m.Payload = fmt.Appendf(nil, "secret=%s&open=%s", secret, open) // no JSON
		case 1:
			m.Payload = fmt.Appendf(nil, `{"list":%s{"secret":[%q]}%s}`, strings.Repeat("[", i*10), secret, strings.Repeat("]", i*10))
		case 2:
			m.Payload = append(m.Payload, 0xff)
		}
		whole := fmt.Sprintf("%s %s %s", m.Payload, m.Metadata["Authorization"], m.Metadata["type"])
		from := r.IntN(len(whole))
		m.Error = fmt.Sprintf("cannot take %q…", whole[from:from+r.IntN(len(whole)-from)])
		s := masking(t, holding(t, m))
		for token, words := range map[string][]string{"token-of-the-operator": {secret}, "token-of-the-viewer": {secret, open}} {
			walk(s, token, []string{""}, func(e endpoint, path string, code int, body string) {
				for _, word := range words {
					if strings.Contains(body, word) {
						t.Fatalf("%s %s shows %s:\n%d %s", e.method, path, word, code, body)
					}
				}
			})
		}
	}
}

func TestTraceLinks(t *testing.T) {
	s := &Server{cfg: Config{TraceURL: "https://jaeger.example/trace/{trace}?uiFind={trace}"}}
	id := strings.Repeat("0a", 16)
	for trace, want := range map[string]string{
		id: "https://jaeger.example/trace/" + id + "?uiFind=" + id, "": "", "x": "", strings.ToUpper(id): "", id + "/../x": "", id[:31] + "\n": "",
	} {
		if got := s.traceLink(trace); got != want {
			t.Errorf("%q leads to %q", trace, got)
		}
	}
	if got := new(Server).traceLink(id); got != "" {
		t.Error(got)
	}
}
