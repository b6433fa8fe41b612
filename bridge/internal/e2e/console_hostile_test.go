package e2e_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/admin"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/internal/browser"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// spells are texts that would be more than text in a page that lets them. Those that
// run spring the trap: they set window.trapped, open a dialog, or ask another host.
var spells = []string{
	`<script>window.trapped=1</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' autofocus onfocus='alert(1)' x='`,
	`<svg/onload=alert(1)><animate onbegin=alert(1)>`,
	`<img src="http://192.0.2.1/x.png">`,
	`<iframe srcdoc="<script>parent.trapped=1</script>"></iframe>`,
	`<meta http-equiv=refresh content="0;url=http://192.0.2.1/">`,
	`<base href="http://192.0.2.1/"><form action=//192.0.2.1/>`,
	`javascript:window.trapped=1`,
	`data:text/html,<script>alert(1)</script>`,
	`</title></textarea></script></style><script>window.trapped=1</script>`,
	`--></pre></details></svg><script>window.trapped=1</script><!--`,
	`<style>*{display:none!important;background:url(//192.0.2.1/)}</style>`,
	`<div style="position:fixed;inset:0;width:9000px">`,
	`{{.Me}}{{printf "%s" .}}${7*7}<%= 1 %>#{1}`,
	"\u202egnp.exe\u2066\u2069\u200f\u061c",
	"nul \x00 bell \x07 escape \x1b[2J delete \x7f",
	"not UTF-8: \xff\xfe\xc3\x28\xed\xa0\x80",
	"line\r\nSet-Cookie: trapped=1\r\n\r\n<script>window.trapped=1</script>",
	strings.Repeat("W", 10_000),
	strings.Repeat("\U0001f469\u200d\U0001f469\u200d\U0001f467", 60),
	"a\u0301" + strings.Repeat("\u0336\u0489", 80) + "\ufeff\u2028\u2029\u00ad",
	`%3Cscript%3E../..//?a=b&c=d#e;<&lt;&amp;`,
	`+ADw-script+AD4-alert(1)+ADw-/script+AD4-`,
}

// spellbound is what the bridge holds of one spell.
type spellbound struct {
	key, short                  string // short: as much as an operator or a short string of AMQP may say
	letter, archived, operation string
}

// boundPages are the addresses at which a spell is seen, by the page as the bridge
// serves it: each page has to be here, or it is no page to be looked at.
var boundPages = map[string]func(s spellbound) []string{
	"/live":    nil, // a stream
	"/assets/": nil, // ours to the last byte
	"/login":   func(spellbound) []string { return []string{"/login"} },
	"/{$}":     func(spellbound) []string { return []string{"/", "/?hours=1"} },

	"/routes/{route}/{$}": func(spellbound) []string { return []string{"/routes/away/", "/routes/orders/"} },
	"/dead-letters":       func(spellbound) []string { return []string{"/dead-letters", "/dead-letters?sort=dead&route=orders"} },
	"/routes/{route}/dead-letters": func(s spellbound) []string {
		return []string{"/routes/orders/dead-letters", "/routes/orders/dead-letters?" + asks("key", s.key)}
	},
	"/routes/{route}/dead-letters/{id}": func(s spellbound) []string {
		return []string{"/routes/orders/dead-letters/" + s.letter, "/routes/orders/dead-letters/" + s.letter + "?as=text", "/routes/orders/dead-letters/" + s.archived}
	},
	"/routes/{route}/dead-letters/{id}/edit": func(s spellbound) []string { return []string{"/routes/orders/dead-letters/" + s.letter + "/edit"} },
	"/routes/{route}/archive": func(s spellbound) []string {
		return []string{"/routes/orders/archive", "/routes/orders/archive?" + asks("key", s.key)}
	},
	"/routes/{route}/archive/{id}":    func(s spellbound) []string { return []string{"/routes/orders/archive/" + s.archived} },
	"/operations":                     func(spellbound) []string { return []string{"/operations"} },
	"/routes/{route}/operations/{id}": func(s spellbound) []string { return []string{"/routes/orders/operations/" + s.operation} },
	"/keys":                           func(s spellbound) []string { return []string{"/keys", "/keys?" + asks("key", s.key)} },
	"/routes/{route}/keys/{key}":      func(s spellbound) []string { return []string{"/routes/orders/keys/" + url.PathEscape(s.key)} },
	"/routes/{route}/key":             func(s spellbound) []string { return []string{"/routes/orders/key?" + asks("key", archivedKey(s.key))} },
	"/skips":                          func(spellbound) []string { return []string{"/skips"} },
	"/audit":                          func(s spellbound) []string { return []string{"/audit", "/audit?route=orders&" + asks("key", s.key)} },
	"/audit/verify": func(s spellbound) []string {
		return []string{"/audit/verify?" + url.Values{"expect": {s.short}}.Encode()}
	},
	"/search": func(s spellbound) []string {
		return []string{"/search", "/search?" + url.Values{"q": {s.short}}.Encode()}
	},
	"/routes/{route}/act": func(s spellbound) []string {
		plan := func(do, about string) string { return "/routes/orders/act?do=" + do + "&" + about }
		return []string{
			plan("discard", "id="+s.letter+"&"+url.Values{"reason": {s.short}, "by": {s.short}}.Encode()),
			plan("purge", asks("key", s.key)), plan("redrive", asks("key", s.key)),
		}
	},
}

// asks is a value of an address whose bytes survive.
func asks(name, value string) string {
	return url.Values{name + "64": {base64.RawURLEncoding.EncodeToString([]byte(value))}}.Encode()
}

// TestF11_NoPageIsUnderASpell has texts that would run, in all that others write:
// bodies, keys, names and values of headers, ids, queues, exchanges, routing keys that
// an error quotes, and the words of operators. Every page is looked at for each of
// them: nothing runs, nobody else is asked, no policy is broken, a screen reader finds
// its way, and a phone need not be scrolled sideways.
func TestF11_NoPageIsUnderASpell(t *testing.T) {
	t.Parallel()
	b, bound := spellbridge(t)
	pages := pagesOf(t, bound)
	t.Logf("%d pages", len(pages))
	next := make(chan string)
	go func() {
		defer close(next)
		for _, p := range pages {
			next <- p
		}
	}()
	for range 2 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			w := look(t, b)
			for path := range next {
				w.isUnmoved(path)
			}
		})
	}
}

// pagesOf are the addresses of all pages for all spells, each once: of those that show
// a spell in several ways the first, unless there is time.
func pagesOf(t *testing.T, bound []spellbound) (all []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, right := range admin.Rights() {
		if !right.Page || right.Method != http.MethodGet {
			continue
		}
		addresses, ok := boundPages[right.Path]
		if !ok {
			t.Errorf("nobody looks at %s: add it to boundPages", right.Path)
		}
		if addresses == nil {
			continue
		}
		for _, s := range bound {
			paths := addresses(s)
			for _, path := range paths[:size(1, len(paths))] {
				if !seen[path] {
					seen[path] = true
					all = append(all, path)
				}
			}
		}
	}
	return all
}

// isUnmoved looks at a page in each way, and finds nothing but text.
func (w *window) isUnmoved(path string) {
	w.t.Helper()
	where := path[:min(len(path), 200)]
	w.must(w.As(browser.Desktop))
	w.opens(path)
	for name, seen := range map[string]browser.Look{"dark": browser.Desktop.InTheDark(), "phone": browser.Phone} {
		w.must(w.As(seen))
		if wide, err := w.Wide(); err != nil || wide != 0 {
			w.t.Errorf("%s, %s: %d pixels too wide (%v): %s", where, name, wide, err, answer[string](w, widest))
		}
		if faint := answer[[]string](w, unread); len(faint) > 0 {
			w.t.Errorf("%s, %s: too faint to be read: %q", where, name, faint)
		}
	}
	if found := answer[[]string](w, moved); len(found) > 0 {
		w.t.Errorf("%s: %q", where, found)
	}
	if found := answer[[]string](w, unheard); len(found) > 0 {
		w.t.Errorf("%s cannot be heard: %q", where, found)
	}
	w.faultless(where, "status of 404 (Not Found)", "status of 400 (Bad Request)", "status of 409 (Conflict)")
}

// moved finds what is more than text in a page: what ran, what others wrote as markup
// or links, and signs that turn a text around.
const moved = `(() => {
	const found = [];
	if (window.trapped !== undefined) found.push("a script ran");
	const seen = document.body.cloneNode(true);
	for (const n of seen.querySelectorAll("textarea")) n.remove(); // it brings back what is edited, as it is
	for (const n of document.querySelectorAll("iframe, object, embed, base, meta[http-equiv], style, [style], script:not([src^='/assets/']), link:not([href^='/assets/']), img:not([src^='/assets/'])"))
		found.push("markup: " + n.outerHTML.slice(0, 100));
	for (const n of document.querySelectorAll("*")) for (const a of n.attributes) {
		if (a.name.startsWith("on")) found.push("a handler: " + a.name);
		if (["href", "src", "action", "formaction", "xlink:href"].includes(a.name) && !/^[/?#]/.test(a.value) || a.value.startsWith("//") && a.name !== "value")
			found.push(a.name + " leads to " + a.value.slice(0, 100));
	}
	if (/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u0000-\u0008\u001b]/.test(document.title + seen.textContent)) found.push("signs that a screen does not show");
	if (getComputedStyle(document.querySelector("main")).display === "none") found.push("the page is hidden");
	return found;
})()`

// widest names what reaches out of the window.
const widest = `[...document.querySelectorAll("body *")].filter((n) => n.getBoundingClientRect().right > document.documentElement.clientWidth + 1).slice(0, 4).map((n) => n.outerHTML.slice(0, 120)).join("\n")`

// spellbridge is a bridge that holds every spell: as a dead letter with what waits
// behind it, in the archive, and in an operation.
func spellbridge(t *testing.T) (b *e2e.Bridge, all []spellbound) {
	t.Helper()
	const magic = `<img src=x onerror=alert(1)>{{.}}"'` + "\u202e"
	from, exchange := aQueueNamed(t, magic+rig.Name(t)), anExchangeNamed(t, magic+rig.Name(t))
	for _, text := range spells {
		rig.Publish(t, from, spell(keyed(text), text, 1), spell(keyed(text), text, 2), spell(archivedKey(keyed(text)), text, 1))
	}
	orders := e2e.Route{
		From: e2e.Queues(from), To: e2e.Exchange(exchange, "header.to"),
		Rest: "dead_letter: { edit: true }\nretry: { rules: [{ reason: unroutable, attempts: 1 }] }",
	}
	away := e2e.Route{Name: "away", From: e2e.Queues(rig.Queue(t)), To: e2e.Exchange(magic, "header.to"), By: "none", Key: "none"}
	b = e2e.Start(t, e2e.Options{Routes: orders.String() + away.String()})
	n := len(spells)
	e2e.Rest{Messages: 3 * n, Dead: 2 * n, Parked: n}.Await(b, settleTimeout)
	letters := map[string]string{}
	for _, d := range b.DeadLetters("orders") {
		letters[d.Raw()] = d.ID
	}
	for _, text := range spells {
		key := keyed(text)
		s := spellbound{key: key, short: clipped(text), letter: letters[key], archived: letters[archivedKey(key)]}
		op := b.Begin("orders", api.Request{Action: "redrive", Selection: api.Selection{IDs: []string{s.letter}}, Reason: s.short, By: s.short})
		s.operation = op.ID
		b.Archive("orders", s.archived, api.Change{Reason: s.short, By: s.short})
		all = append(all, s)
	}
	return b, all
}

// spell is a message that has a text wherever a message has one.
func spell(key, text string, rev int64) amqp.Publishing {
	m := ordered(key, rev)
	m.MessageId = clipped(m.MessageId)
	m.Headers["to"], m.Headers["x-text"], m.Headers[clipped(text)] = clipped(text), text, text
	m.CorrelationId, m.ContentType, m.Type, m.AppId = clipped(text), clipped(text), clipped(text), clipped(text)
	m.Body = []byte(text)
	return m
}

// keyed is as much of a text as a key may have.
func keyed(text string) string { return text[:min(len(text), 4000)] }

func archivedKey(key string) string { return "archived " + key }

// clipped is as much of a text as a short string of AMQP holds.
func clipped(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), 120)], "\ufffd")
}

// aQueueNamed makes a queue with a name, until the test ends.
func aQueueNamed(t *testing.T, name string) string {
	t.Helper()
	if _, err := rig.Channel(t).QueueDeclare(name, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = rig.Channel(t).QueueDelete(name, false, false, false) })
	return name
}

// anExchangeNamed makes an exchange with a name, until the test ends.
func anExchangeNamed(t *testing.T, name string) string {
	t.Helper()
	if err := rig.Channel(t).ExchangeDeclare(name, "direct", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rig.Channel(t).ExchangeDelete(name, false, false) })
	return name
}
