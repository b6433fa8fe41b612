package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/mask"
	"github.com/brokerbridge/bridge/ordering/store"
)

// The pages of dead letters show what the store has.
func TestThePagesOfDeadLettersShowTheStore(t *testing.T) {
	op := &asked{}
	s, _ := locked(t, func(c *Config) { c.Store, c.Operator = filled(t), op })
	b := signedIn(t, s, RoleAdmin)
	for path, want := range map[string][]string{
		"/dead-letters":                               {"too_large", "key_missing", "undecodable", ">1</dd>", "Redrive them…"},
		"/dead-letters?reason=undecodable":            {"1 dead letter, 0 keys blocked"},
		"/dead-letters?route=fresh":                   {"Nothing like this was given up."},
		"/routes/orders/dead-letters":                 {"/routes/orders/dead-letters/d1", "/routes/orders/keys/a%2Fb", "too_large"},
		"/routes/orders/dead-letters?key=a%2Fb":       {"/routes/orders/dead-letters/d1"},
		"/routes/orders/dead-letters/d1":              {"Its key waits for it.", "1 message is parked behind", ">n</span>", "number\">1<", "Edit…</a>"},
		"/routes/orders/dead-letters/d2":              {"00000000  ff 00", "A message without a key", `\xfe`},
		"/routes/orders/dead-letters/d3":              {"It is null"},
		"/routes/orders/dead-letters/d9":              {"This dead letter is settled"},
		"/routes/orders/archive":                      {"for later", "/routes/orders/archive/d1"},
		"/routes/orders/archive/d1":                   {"This was put away.", "“for later”", "old</pre>"},
		"/routes/orders/archive/d9":                   {"this is not in the archive"},
		"/routes/elsewhere/dead-letters":              {"there is no route", "Back to the overview"},
		"/operations":                                 {"There are no operations."},
		"/routes/orders/act?do=redrive&group=g1":      {"redrives 7 dead letters", "bridge dlq redrive --route orders --group g1"},
		"/routes/orders/dead-letters/d1?as=text":      {`<pre tabindex="0" aria-label="Body">{&#34;n&#34;:1}</pre>`},
		"/routes/orders/dead-letters/d1/edit":         {"\n{&#34;n&#34;:1}</textarea>", `value="created"`},
		"/routes/orders/dead-letters?since=nonsense":  {"since is no time"},
		"/routes/orders/dead-letters?after=%FF%00.d2": {""},
	} {
		w := b.sees(path)
		for _, text := range want {
			if body := w.Body.String(); w.Code >= 500 || !strings.Contains(body, text) {
				t.Errorf("%s: %d, no %q in\n%s", path, w.Code, text, body)
			}
		}
	}
	for _, call := range op.calls {
		if !strings.HasPrefix(call, "plan ") && !strings.HasPrefix(call, "operations ") && !strings.HasPrefix(call, "edit ") {
			t.Errorf("looking has changed: %s", call)
		}
	}
	if b.sees("/routes/orders/dead-letters/d1/edit"); !op.last.DryRun {
		t.Errorf("looking has edited: %+v", op.last)
	}
}

// Each row of a list of many is on one page, and on one only.
func TestI1_EachDeadLetterIsOnAPage(t *testing.T) {
	st := filled(t)
	for i := range 250 {
		d := dead(fmt.Sprintf("x%03d", i), "", "key_missing", false, nil)
		for _, err := range st.Commit(t.Context(), store.Change{Key: store.Key{Route: "orders"}, Dead: []store.DeadLetter{d}}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	s, _ := locked(t, func(c *Config) { c.Store = st })
	b := signedIn(t, s, RoleViewer)
	seen, pages := map[string]int{}, 0
	for path := "/routes/orders/dead-letters?reason=key_missing"; path != "" && pages < 10; pages++ {
		body := b.sees(path).Body.String()
		path = ""
		for part := range strings.SplitSeq(body, `href="`) {
			to, _, _ := strings.Cut(strings.ReplaceAll(part, "&amp;", "&"), `"`)
			if id, ok := strings.CutPrefix(to, "/routes/orders/dead-letters/"); ok {
				seen[id]++
			}
			if strings.Contains(to, "after=") {
				path = to
			}
		}
	}
	if len(seen) != 251 || pages != 3 {
		t.Errorf("%d on %d pages", len(seen), pages)
	}
	for id, n := range seen {
		if n != 2 { // its time, and "see it"
			t.Errorf("%s is linked %d times", id, n)
		}
	}
}

// Who has not the role is told so and changes nothing, whatever form they send.
func TestI12_TheConsoleChangesNothingForWhoMayNot(t *testing.T) {
	for _, c := range []struct {
		role Role
		set  func(*Config)
		says string
	}{
		{RoleViewer, func(*Config) {}, "this needs the role operator"},
		{RoleAdmin, func(c *Config) { c.ReadOnly = true }, "takes no changes"},
	} {
		s, op := locked(t, c.set)
		b := signedIn(t, s, c.role)
		for _, path := range []string{
			"/routes/orders/act?do=redrive&id=d1", "/routes/orders/act?do=discard&id=d1", "/routes/orders/act?do=archive&group=g1", "/routes/orders/act?do=restore&id=d1",
			"/routes/orders/act?do=redrive&all=true", "/routes/orders/act?do=cancel-operation&id=op",
		} {
			if w := b.asks(http.MethodPost, path, url.Values{"reason": {"because"}}); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%s %s: %d %s", c.role, path, w.Code, w.Body)
			}
		}
		b.asks(http.MethodPost, "/routes/orders/dead-letters/d1/edit", url.Values{"reason": {"because"}, "step": {"edit"}, "body": {"x"}})
		for _, call := range op.calls {
			if !strings.HasPrefix(call, "operation ") {
				t.Errorf("%s: %s", c.role, call)
			}
		}
	}
}

// Who signs in is who the audit names, whatever a form says.
func TestI12_AFormIsSignedByWhoSentIt(t *testing.T) {
	s, op := locked(t)
	b := signedIn(t, s, RoleOperator)
	if w := b.asks(http.MethodPost, "/routes/orders/act?do=redrive&id=d1", url.Values{"reason": {"because"}, "by": {"mallory"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if op.last.By != "the-operator" && !strings.HasPrefix(op.last.By, "the-operator") || op.last.Reason != "because" || op.last.DryRun {
		t.Errorf("%+v", op.last)
	}
	op.err = &api.Error{Code: api.Passed, Message: "later revisions were delivered already", Hint: "out_of_order sends it all the same"}
	w := b.asks(http.MethodPost, "/routes/orders/act?do=redrive&id=d1", url.Values{"reason": {"because"}})
	if body := w.Body.String(); w.Code != http.StatusConflict || !strings.Contains(body, "later revisions were delivered already") || !strings.Contains(body, `name="out_of_order"`) || !strings.Contains(body, "Plan again") {
		t.Errorf("%d %s", w.Code, body)
	}
}

// A gap is shown as one: it is no message, cannot be ticked, and leads to its key.
func TestAGapIsShownAsAGap(t *testing.T) {
	s, _ := locked(t)
	b := signedIn(t, s, RoleAdmin)
	list := b.sees("/routes/orders/dead-letters?reason=gap_timeout").Body.String()
	if !strings.Contains(list, `<span class="badge busy">gap</span>`) || strings.Contains(list, `type="checkbox"`) {
		t.Error(list)
	}
	page := b.sees("/routes/orders/dead-letters/gap-Z2Fw").Body.String()
	if !strings.Contains(page, "This is no message.") || !strings.Contains(page, `href="/routes/orders/keys/gap"`) || strings.Contains(page, "Redrive…") || strings.Contains(page, "Headers") {
		t.Error(page)
	}
}

// What is masked or hidden for who looks is so on each page, and is said.
func TestI11_PayloadsAreMaskedOnThePages(t *testing.T) {
	for payloads, says := range map[Payloads]string{PayloadsMasked: "You see this message masked", PayloadsHidden: "Payloads are hidden from you"} {
		s, _ := locked(t, func(c *Config) {
			c.Store, c.Mask = filled(t), mask.New([]string{"type"}, []mask.Path{{{Name: "n"}}})
			for i := range c.Tokens {
				c.Tokens[i].Payloads = payloads
			}
		})
		b := signedIn(t, s, RoleAdmin)
		for _, path := range []string{"/routes/orders/dead-letters/d1", "/routes/orders/dead-letters/d1?as=text", "/routes/orders/dead-letters/d1?as=hex", "/routes/orders/dead-letters/d1/edit", "/routes/orders/archive/d1"} {
			page := b.sees(path).Body.String()
			if strings.Contains(page, "created") || strings.Contains(page, `number">1<`) || strings.Contains(page, "&#34;n&#34;:1") {
				t.Errorf("%s, %s: %s", payloads, path, page)
			}
			if !strings.Contains(path, "edit") && !strings.Contains(page, says) {
				t.Errorf("%s, %s says not %q", payloads, path, says)
			}
			if strings.Contains(path, "edit") && (strings.Contains(page, "<textarea") || !strings.Contains(page, "payloads are "+string(payloads)+" for you")) {
				t.Errorf("%s can be edited: %s", payloads, page)
			}
		}
	}
}
