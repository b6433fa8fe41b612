package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/browser"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// people are who may sign in, and what is hidden from whom.
const people = `tokens: [
      { name: vera, role: viewer, token: token-of-vera-viewer },
      { name: otto, role: operator, token: token-of-otto-operator },
      { name: ann, role: admin, payloads: full, token: token-of-ann-admin },
      { name: hilde, role: operator, payloads: hidden, token: token-of-hilde-hidden } ],
      mask: { headers: [x-secret], fields: [card.number] }`

// secretLetter is a route with one dead letter, whose body and headers have what is
// not for everybody.
func secretLetter(t *testing.T) (route e2e.Route, topic string) {
	t.Helper()
	limit := "1000"
	from, topic := rig.Queue(t), rig.TopicWith(t, 1, map[string]*string{"max.message.bytes": &limit})
	e2e.Publish(t, e2e.Queue(from), func(yield func(journal.Message) bool) {
		yield(journal.Message{
			Key: "k", Rev: 1, ID: "k/1", Headers: map[string]string{"x-secret": "hunter2-hunter2", "x-open": "to-everybody"},
			Body: []byte(`{"card":{"number":"4000-1234-5678","holder":"Ada"},"note":"` + strings.Repeat("n", 2000) + `"}`),
		})
	})
	return e2e.Route{From: e2e.Queues(from), To: e2e.Topic(topic), Rest: "dead_letter: { edit: true }"}, topic
}

// TestEachSeesAndDoesWhatTheirRoleLets signs in by the page as each of the people.
// What they may not do is shown, with the role that it needs; sent all the same, it is
// refused. What of a message is not theirs to see is not in the page.
func TestEachSeesAndDoesWhatTheirRoleLets(t *testing.T) {
	t.Parallel()
	route, _ := secretLetter(t)
	b := e2e.Start(t, e2e.Options{Routes: route.String(), Admin: people, Token: "token-of-ann-admin"})
	e2e.Rest{Messages: 1, Dead: 1}.Await(b, settleTimeout)
	letter := "/routes/orders/dead-letters/" + b.DeadLetters("orders")[0].ID
	w := look(t, b)
	for _, c := range []struct {
		who, token     string
		sees, misses   []string // on the page of the message
		offered, purge string   // the buttons there, and that of the key
		button         bool     // that pauses the route
	}{
		{
			"vera viewer", "token-of-vera-viewer",
			[]string{"***", "Ada", "to-everybody", "needs the role operator, yours is viewer"},
			[]string{"4000-1234", "hunter2"},
			"", "needs the role admin, yours is viewer", false,
		},
		{
			"hilde operator", "token-of-hilde-hidden",
			[]string{"x-secret", "x-open"},
			[]string{"4000-1234", "hunter2", "Ada", "to-everybody"},
			"Redrive… Archive… Discard…", "needs the role admin, yours is operator", true,
		},
		{
			"otto operator", "token-of-otto-operator",
			[]string{"***", "Ada", "to-everybody", "payloads are masked for you"},
			[]string{"4000-1234", "hunter2"},
			"Redrive… Archive… Discard…", "needs the role admin, yours is operator", true,
		},
		{
			"ann admin", "token-of-ann-admin",
			[]string{"4000-1234-5678", "hunter2-hunter2", "Ada"},
			[]string{"***", "needs the role"},
			"Redrive… Edit… Archive… Discard…", "", true,
		},
	} {
		w.opens(letter)
		if at := answer[string](w, `location.pathname`); at != "/login" {
			t.Fatalf("%s sees %s without a token", c.who, at)
		}
		w.fills("input[name=token]", c.token)
		if at := w.follows("main form button"); at != letter {
			t.Errorf("%s is led to %s", c.who, at)
		}
		w.says(".who", c.who)
		w.says("main", c.sees...)
		w.shows(c.misses...)
		if offered := w.offered(); offered != c.offered {
			t.Errorf("%s is offered %q, want %q", c.who, offered, c.offered)
		}
		w.opens("/routes/orders/keys/k")
		w.says("section.further", c.purge)
		if is := answer[bool](w, `!!document.querySelector("section.further a[href*='do=purge']")`); is != (c.purge == "") {
			t.Errorf("%s may purge: %v", c.who, is)
		}
		w.opens("/routes/orders/act?do=pause")
		if may := answer[bool](w, pressed); may != c.button {
			t.Errorf("%s may pause: %v", c.who, may)
		}
		if !c.button {
			w.isRefused(b, "needs the role operator")
		}
		if at := w.follows(".who button"); at != "/login" {
			t.Errorf("signing out leads %s to %s", c.who, at)
		}
	}
	if all := b.Audits(); len(all) != 0 {
		t.Errorf("looking has changed something: %+v", all)
	}
}

// shows checks that the page, its hidden parts too, has none of the words.
func (w *window) shows(none ...string) {
	w.t.Helper()
	page := answer[string](w, `document.documentElement.outerHTML`)
	for _, word := range none {
		if strings.Contains(page, word) {
			w.t.Errorf("the page has %q", word)
		}
	}
}

// offered are the buttons of the message that lead somewhere.
func (w *window) offered() string {
	w.t.Helper()
	return answer[string](w, `[...document.querySelectorAll("main > .buttons a.button")].map((n) => n.textContent.trim()).join(" ")`)
}

// pressed is whether the change of a page can be made there.
const pressed = `!!document.querySelector("form.act .buttons button:enabled:not([formmethod])")`

// isRefused checks that the page of a change says why it cannot be made, and sends
// what its form would send all the same.
func (w *window) isRefused(b *e2e.Bridge, why string) {
	w.t.Helper()
	w.says("main", why)
	before := len(b.Audits())
	answer[bool](w, `(() => {
		const form = Object.assign(document.createElement("form"), { method: "post", action: location.href, id: "forced" });
		form.append(Object.assign(document.createElement("input"), { name: "reason", value: "all the same" }));
		form.append(document.createElement("button"));
		document.querySelector("main").prepend(form);
		return true;
	})()`)
	w.follows("#forced button")
	w.says("main", why)
	w.faultless("a refused form", "status of 403 (Forbidden)")
	if after := len(b.Audits()); after != before {
		w.t.Errorf("%d rows of the audit came", after-before)
	}
}

// TestReadOnlyIsSeenAndKept: no page of a bridge that is read only offers a change,
// not to an admin either, and what is sent all the same is refused.
func TestReadOnlyIsSeenAndKept(t *testing.T) {
	t.Parallel()
	route, _ := secretLetter(t)
	dir := filepath.Join(t.TempDir(), "store")
	b := e2e.Start(t, e2e.Options{Routes: route.String(), Dir: dir})
	e2e.Rest{Messages: 1, Dead: 1}.Await(b, settleTimeout)
	id := b.DeadLetters("orders")[0].ID
	stopped(t, b)
	b = e2e.Start(t, e2e.Options{Routes: route.String(), Dir: dir, Admin: "read_only: true"})
	b.AwaitReady(settleTimeout)
	w := look(t, b)
	w.opens("/routes/orders/dead-letters/" + id)
	w.says("header.top", "read only")
	w.says("main > .buttons", "this bridge is read only")
	if offered := w.offered(); offered != "" {
		t.Errorf("offered: %q", offered)
	}
	for path, why := range map[string]string{
		"act?do=pause": "admin.read_only is set", "act?do=discard&id=" + id: "admin.read_only is set", "act?do=redrive&all=true": "this bridge is read only",
	} {
		w.opens("/routes/orders/" + path)
		if answer[bool](w, pressed) {
			t.Errorf("%s: the button can be pressed", path)
		}
		w.isRefused(b, why)
	}
}

// TestASessionThatIsGoneIsSaid on a page that is open, and the way back is there.
func TestASessionThatIsGoneIsSaid(t *testing.T) {
	t.Parallel()
	route, _ := secretLetter(t)
	b := e2e.Start(t, e2e.Options{Routes: route.String(), Admin: people, Token: "token-of-ann-admin"})
	e2e.Rest{Messages: 1, Dead: 1}.Await(b, settleTimeout)
	w := look(t, b)
	w.signsIn("token-of-otto-operator")
	w.opens("/routes/orders/")
	w.reads("#live-tools .badge", "live")
	w.must(w.Forget())
	w.reads("#live-tools .badge", "signed out: sign in")
	w.follows("#live-tools .badge a")
	w.fills("input[name=token]", "token-of-otto-operator")
	if at := w.follows("main form button"); at != "/routes/orders/" {
		t.Errorf("signing in again leads to %s", at)
	}
}

// TestGuessingIsLockedOut at the page, and a right token does not help then.
func TestGuessingIsLockedOut(t *testing.T) {
	t.Parallel()
	route := e2e.Route{From: e2e.Queues(rig.Queue(t)), To: e2e.Topic(rig.Topic(t, 1))}
	b := e2e.Start(t, e2e.Options{Routes: route.String(), Admin: people})
	w := look(t, b)
	for n := range 5 {
		w.signsIn(fmt.Sprintf("a-token-of-nobody-%d", n))
		w.says("[role=alert]", "This token is not known here.")
	}
	for _, token := range []string{"a-token-of-nobody-6", "token-of-ann-admin"} {
		w.signsIn(token)
		w.says("[role=alert]", "Too many wrong tokens came from your address. Try again in a minute.")
	}
	w.faultless("wrong tokens", "status of 401 (Unauthorized)", "status of 429 (Too Many Requests)")
	w.must(w.As(browser.Phone))
	if found := answer[[]string](w, unheard); len(found) > 0 {
		t.Errorf("the page to sign in cannot be heard: %q", found)
	}
	if wide, err := w.Wide(); err != nil || wide != 0 {
		t.Errorf("%d pixels too wide, %v", wide, err)
	}
}
