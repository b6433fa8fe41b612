package admin

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

const describedIn = "../../docs/reference/openapi.json"

// described is the description as a server gives it.
func described(t *testing.T) object {
	t.Helper()
	s, _ := locked(t)
	w := asks(s, "GET", "/api/v1/openapi.json", "token-of-the-viewer")
	var doc object
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 {
		t.Fatal(w.Code, err, w.Body)
	}
	return doc
}

func TestDescriptionIsTheCommittedOne(t *testing.T) {
	got, err := json.MarshalIndent(described(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *rewrite {
		if err := os.WriteFile(describedIn, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(describedIn)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs from what is served: go test ./bridge/admin -run Description -rewrite (%v)", describedIn, err)
	}
}

// A description is the same whatever the server has.
func TestDescriptionHasAllThatSomeServerServes(t *testing.T) {
	bare, err := New(Config{Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: stubborn{}})
	if err != nil {
		t.Fatal(err)
	}
	var doc object
	if err := json.Unmarshal(ask(bare, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc); err != nil || !reflect.DeepEqual(doc, described(t)) {
		t.Errorf("a server without operator and metrics has another description (%v)", err)
	}
}

func TestOperationsHaveNames(t *testing.T) {
	ids := map[string]bool{}
	s, _ := locked(t)
	for _, e := range s.everything() {
		id := operationID(e)
		if ids[id] || e.summary == "" {
			t.Errorf("%s %s: %s comes twice, or there is no summary", e.method, e.path, id)
		}
		ids[id] = true
	}
	for _, id := range []string{"getLivez", "getOpenapiJson", "getRoutesKeys", "getRoutesKeysByKey", "getRoutesDeadLettersById", "postRoutesDeadLettersRedrive"} {
		if !ids[id] {
			t.Errorf("no %s among %v", id, ids)
		}
	}
}

// Types that an answer may hold, as encoding/json writes them.
type sample struct {
	api.KeyName
	When    time.Time         `json:"when,omitzero"`
	Next    *sample           `json:"next"`
	List    []api.Range       `json:"list,omitempty"`
	Names   map[string]uint32 `json:"names"`
	Any     any               `json:"any"`
	Raw     json.RawMessage   `json:"raw,omitempty"`
	Ratio   float64           `json:"ratio"`
	private int
	Hidden  int `json:"-"`
}

func TestSchemasOfTypes(t *testing.T) {
	types := &schemas{known: object{}}
	if _, err := types.of(sample{private: 1}); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(types.known["sample"])
	want := `{"properties":{"any":{},"key":{"type":"string"},"key_base64":{"contentEncoding":"base64","type":"string"},` +
		`"list":{"items":{"$ref":"#/components/schemas/Range"},"type":"array"},` +
		`"names":{"anyOf":[{"additionalProperties":{"format":"int64","minimum":0,"type":"integer"},"type":"object"},{"type":"null"}]},` +
		`"next":{"anyOf":[{"$ref":"#/components/schemas/sample"},{"type":"null"}]},` +
		`"ratio":{"type":"number"},"raw":{},"when":{"format":"date-time","type":"string"}},` +
		`"required":["key","next","names","any","ratio"],"type":"object"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	type Range struct{}
	type nameless struct{ A int }
	for name, v := range map[string]any{
		"a channel": struct {
			C chan int `json:"c"`
		}{},
		"a field without a name":     nameless{},
		"two types of the same name": Range{},
	} {
		if _, err := types.of(v); err == nil {
			t.Errorf("%s is described", name)
		}
	}
	if _, err := describe([]endpoint{{method: "GET", path: "/x", role: RoleViewer, query: "nonsense"}}); err == nil {
		t.Error("a parameter that nobody describes")
	}
	content, err := types.content(lines{api.Range{}})
	if text, _ := json.Marshal(content); err != nil || !strings.HasPrefix(string(text), `{"application/x-ndjson":{"schema":{"$ref":`) {
		t.Errorf("%s %v", text, err)
	}
}

// answers validate what servers say against the description. The committed one
// allows fields that are added later; here none may be unknown.
type answers struct {
	t        *testing.T
	doc      object
	compiler *jsonschema.Compiler
}

func newAnswers(t *testing.T) *answers {
	t.Helper()
	doc := described(t)
	for _, s := range doc["components"].(object)["schemas"].(object) {
		s.(object)["additionalProperties"] = false
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("openapi.json", parsed); err != nil {
		t.Fatal(err)
	}
	return &answers{t, doc, c}
}

// fit compares an answer with what is described for its code.
func (a *answers) fit(e endpoint, w *httptest.ResponseRecorder) error {
	a.t.Helper()
	responses := a.doc["paths"].(object)[e.path].(object)[strings.ToLower(e.method)].(object)["responses"].(object)
	code := "default"
	switch {
	case w.Code == 200:
		code = "200"
	case w.Code == 503 && responses["503"] != nil:
		code = "503"
	}
	if e.out == nil && code == "200" {
		return nil // text
	}
	kind, body := "application~1json", w.Body.Bytes()
	if _, streams := e.out.(events); streams && code == "200" {
		kind = "text~1event-stream"
		_, body, _ = bytes.Cut(body, []byte("\ndata: "))
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	schema, err := a.compiler.Compile("openapi.json#/paths/" + escape.Replace(e.path) + "/" + strings.ToLower(e.method) +
		"/responses/" + code + "/content/" + kind + "/schema")
	if err != nil {
		a.t.Fatalf("%s %s: %v", e.method, e.path, err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

func TestAnswersAreAsDescribed(t *testing.T) {
	a := newAnswers(t)
	locked, _ := locked(t)
	waiting := server(t, status.Waiting)
	fits := func(e endpoint, code int, w *httptest.ResponseRecorder) {
		t.Helper()
		if err := a.fit(e, w); err != nil || w.Code != code {
			t.Errorf("%s %s: %d, want %d: %v\n%s", e.method, e.path, w.Code, code, err, w.Body)
		}
	}
	for _, e := range locked.endpoints() {
		fits(e, 200, asksFor(locked, e, "token-of-the-admin"))
		if e.role != RoleAnyone {
			fits(e, 401, asksFor(locked, e, ""))
		}
		if strings.Contains(e.path, "{route}") {
			fits(e, 404, asks(locked, e.method, strings.ReplaceAll(filledIn(e.path), "orders", "nowhere"), "token-of-the-admin"))
		}
	}
	// What else there is to see: whole keys, bodies that are no text, all ways.
	for _, c := range []struct{ path, url string }{
		{"/livez", "/livez"},
		{"/readyz", "/readyz?verbose"},
		{aRoute + "/keys/{key}", "/api/v1/routes/orders/keys/a%2Fb"},
		{aRoute + "/dead-letters/{id}", "/api/v1/routes/orders/dead-letters/d2"},
		{aRoute + "/dead-letters/{id}", "/api/v1/routes/orders/dead-letters/d3"},
	} {
		e := locked.endpoints()[slices.IndexFunc(locked.endpoints(), func(e endpoint) bool { return e.path == c.path && e.method == "GET" })]
		w := ask(waiting, "GET", c.url, "")
		fits(e, w.Code, w)
	}
	for _, key := range []string{"waiting", "quarantined", "epochs", "redriven", "adopting", "locked", "beside", "two", "%FF%1B", "open"} {
		e := endpoint{method: "GET", path: aRoute + "/keys/{key}/explain", out: api.Explanation{}}
		fits(e, 200, asks(locked, "GET", "/api/v1/routes/orders/keys/"+key+"/explain", "token-of-the-viewer"))
	}
}

// The validation is worth something: what is not described does not pass.
func TestOtherAnswersAreNotAsDescribed(t *testing.T) {
	a := newAnswers(t)
	e := endpoint{method: "GET", path: aRoute + "/keys", out: api.Page[api.Lane]{}}
	lane := `"route":"r","key":"k","epoch":0,"state":"gap","parked":0,"skipped_ranges":0,"version":1`
	for body, good := range map[string]bool{
		`{"items":[{` + lane + `}]}`: true,
		`{"items":null}`:             true,
		`{}`:                         false,
		`{"items":[],"more":1}`:      false,
		`{"items":[{` + lane + `,"surprise":1}]}`:           false,
		`{"items":[{"route":"r"}]}`:                         false,
		`{"items":[{` + lane + `,"since":"yesterday"}]}`:    false,
		`{"items":[{` + lane + `,"key_base64":"no base"}]}`: false,
		`{"items":[{` + lane + `,"next":"4"}]}`:             false,
	} {
		w := httptest.NewRecorder()
		_, _ = w.WriteString(body)
		if err := a.fit(e, w); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
}
