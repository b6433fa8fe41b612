package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/brokerbridge/bridge/bridge/internal/browser"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// window is somebody before a browser that shows the console of a bridge.
type window struct {
	*browser.Browser
	t *testing.T
}

// look opens a window. What it noted of faults fails the test in the end.
func look(t *testing.T, b *e2e.Bridge) *window {
	t.Helper()
	opened, err := browser.Open(t.Context(), b.URL())
	if err != nil {
		t.Fatal(err)
	}
	w := &window{opened, t}
	t.Cleanup(func() {
		w.faultless("in the end")
		opened.Close()
	})
	w.must(opened.As(browser.Desktop))
	return w
}

// stuck is an incident of so many keys, its bridge, and a window before it.
func stuck(t *testing.T, keys int) (*incident, *e2e.Bridge, *window) {
	t.Helper()
	i := newIncident(t, keys)
	b := e2e.Start(t, e2e.Options{Routes: i.route().String()})
	i.await(t, b)
	return i, b, look(t, b)
}

func (w *window) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// faultless fails the test with what the browser has noted, but for what was
// expected.
func (w *window) faultless(where string, expected ...string) {
	w.t.Helper()
	for _, fault := range w.Faults() {
		if !slices.ContainsFunc(expected, func(part string) bool { return strings.Contains(fault, part) }) {
			w.t.Errorf("%s: %s", where, fault)
		}
	}
}

// away is what a browser notes of a bridge that has ended.
var away = []string{"ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"}

// opens opens a page of the console.
func (w *window) opens(path string) {
	w.t.Helper()
	w.must(w.Go(path))
}

// follows clicks what leads to another page, and says where that is.
func (w *window) follows(selector string) (path string) {
	w.t.Helper()
	w.must(w.Click(selector))
	at, err := w.Where()
	w.must(err)
	return at
}

// fills writes into a field.
func (w *window) fills(selector, text string) {
	w.t.Helper()
	w.must(w.Type(selector, text))
}

// text is what a part of the page says.
func (w *window) text(selector string) string {
	w.t.Helper()
	text, err := w.Text(selector)
	w.must(err)
	return text
}

// says checks that a part of the page says all of the words.
func (w *window) says(selector string, words ...string) {
	w.t.Helper()
	text := w.text(selector)
	for _, word := range words {
		if !strings.Contains(text, word) {
			w.t.Errorf("%s does not say %q but %q", selector, word, text)
		}
	}
}

// answer is what a script of the test is told by the page.
func answer[T any](w *window, script string) T {
	w.t.Helper()
	v, err := browser.Ask(w.Browser, chromedp.Evaluate[T](script))
	if err != nil {
		w.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// comes waits for what is true of the page only later, as when it is brought up to
// date. The test asks, since the policy of the page lets no script of ours wait.
func (w *window) comes(what, script string) {
	w.t.Helper()
	e2e.Await(w.t, what, settleTimeout, func() (string, bool) {
		ok, err := browser.Ask(w.Browser, chromedp.Evaluate[bool](script))
		if ok && err == nil {
			return "", true
		}
		seen, _ := browser.Ask(w.Browser, chromedp.Evaluate[string](`location.pathname + "\n" + document.body.innerText`))
		return fmt.Sprint(seen, err), false
	})
}

// reads waits until a part of the page says something.
func (w *window) reads(selector, text string) {
	w.t.Helper()
	w.comes(fmt.Sprintf("%s to say %q", selector, text),
		fmt.Sprintf(`(document.querySelector(%q)?.textContent ?? "").includes(%q)`, selector, text))
}

// marks remembers a page; same reports whether it is that page still, and was not
// loaded again.
func (w *window) marks()     { answer[bool](w, `window.marked = true`) }
func (w *window) same() bool { return answer[bool](w, `window.marked === true`) }

// TestF10_FromTheOverviewToAllIsWell goes the way of an operator, with a browser and
// nothing else: from what the overview says is worst to the message that was given
// up, through a canary that fails because nothing was mended, to a line of revisions
// that drains before one's eyes. In the end all is there, in order, and the audit
// says who did what.
func TestF10_FromTheOverviewToAllIsWell(t *testing.T) {
	t.Parallel()
	worst, other := newIncident(t, size(6, 30)), newIncident(t, 2)
	beside := other.route()
	beside.Name = "invoices"
	b := e2e.Start(t, e2e.Options{Routes: worst.route().String() + beside.String()})
	dead := worst.keys + other.keys
	e2e.Rest{Messages: len(worst.sent) + len(other.sent), Dead: dead, Parked: 3 * dead}.Await(b, settleTimeout)

	w, line := look(t, b), look(t, b)
	line.opens("/routes/orders/keys/k000")
	line.says("[data-live=why]", "Quarantined")
	if n := answer[int](line, `document.querySelectorAll("[data-live=line] .run.parked, [data-live=line] .run.dead").length`); n != 2 {
		t.Errorf("%d runs of the line are dead or parked, want one each", n)
	}
	line.marks()

	cause := w.toTheWorst(worst)
	w.readsTheMessage(cause)
	operation := w.redrives(cause, 1, "is it mended?")
	w.reads("[data-live=op-state]", "stopped")
	w.reads("[data-live=op-canary]", "The canary failed: the others were not touched")
	if n := len(e2e.Delivered(t, e2e.Topic(worst.topic))); n != worst.keys {
		t.Errorf("%d messages came through while nothing was mended, want %d", n, worst.keys)
	}
	w.follows(`[data-live=op-ways] a[href*="do=cancel-operation"]`)
	w.fills("input[name=reason]", "it is not mended")
	w.follows("form.act .buttons button")
	w.reads("[data-live=op-state]", "cancelled")

	allow(t, worst.topic, "1000000")
	allow(t, other.topic, "1000000")
	if again := w.redrives(cause, 1, "the topic takes larger messages now"); again == operation {
		t.Errorf("the second operation is the first: %s", again)
	}
	w.reads("[data-live=op-state]", "done")
	line.drains()

	line.opens("/dead-letters")
	line.says("[data-live=worst]", "on invoices")
	w.opens("/routes/invoices/dead-letters")
	w.redrivesThese("", "these, too")
	w.reads("[data-live=op-state]", "done")
	line.comes("what hurt most to be greyed", `document.querySelector("[data-live=worst]").classList.contains("gone")`)
	e2e.AwaitQuiet(b, settleTimeout)
	w.opens("/")
	w.says("[data-live=verdict]", "All is well: 2 routes move messages, 0 unaccounted.")
	w.opens("/dead-letters")
	w.says("main", "Nothing was given up.")
	w.audited("redrive", "cancel", "is it mended?", "it is not mended", "the topic takes larger messages now", "these, too")
	stopped(t, b)
	w.faultless("after the bridge has ended", away...)
	line.faultless("after the bridge has ended", away...)
	worst.judge(t, b, worst.sent, "")
	judge(t, journal.Outcome{Sent: other.sent, Got: e2e.Delivered(t, e2e.Topic(other.topic)), Crashes: b.Crashes()})
}

// toTheWorst goes from the first sentence to the dead letters of the cause it names.
func (w *window) toTheWorst(i *incident) (path string) {
	w.t.Helper()
	w.opens("/")
	w.says("[data-live=verdict]", fmt.Sprintf("on orders %d dead letters, too_large, with %d messages behind %d keys", i.keys, 3*i.keys, i.keys))
	cause := w.follows("[data-live=verdict] a.button")
	w.says("h1", "Dead letters of orders")
	w.says("[data-live=group]", "too_large")
	if n := answer[int](w, `document.querySelectorAll("[data-rows=letters] [data-row]").length`); n != i.keys {
		w.t.Errorf("%d rows, want %d", n, i.keys)
	}
	return cause
}

// readsTheMessage opens a dead letter of the list and finds all that is to be known.
func (w *window) readsTheMessage(list string) {
	w.t.Helper()
	w.opens(list)
	w.follows("[data-rows=letters] td[data-name='Given up'] a")
	w.says("h1", "Revision 2 of key k0")
	w.says("section[aria-labelledby=place]", "Its key waits for it.", "3 messages are parked behind, revision 3–5")
	w.says("section[aria-labelledby=why]", "too_large", "permanent")
	w.says("pre[aria-label=Body]", strings.Repeat("x", 100))
	w.says("#body", "58.6 KiB")
	headers := answer[string](w, `[...document.querySelectorAll("td.mono[data-name=Name]")].map((n) => n.textContent).join(" ")`)
	if !strings.HasSuffix(headers, "key revision") {
		w.t.Errorf("the headers are %q", headers)
	}
	w.says("section[aria-labelledby=place]", "Tries\n1")
}

// redrives redrives what a list shows, with a canary, and says which page shows the
// operation.
func (w *window) redrives(list string, canary int, reason string) (operation string) {
	w.t.Helper()
	w.opens(list)
	return w.redrivesThese(fmt.Sprint(canary), reason)
}

// redrivesThese is redrives from the list that is open.
func (w *window) redrivesThese(canary, reason string) (operation string) {
	w.t.Helper()
	w.follows(`section[aria-label="With all"] a[href*="do=redrive"]`)
	w.says("section[aria-label='What it would do']", "Messages", "Parked behind them")
	w.fills("input[name=canary]", canary)
	w.fills("input[name=reason]", reason)
	at := w.follows("form.act .buttons button")
	if !strings.Contains(at, "/operations/") {
		w.t.Errorf("led to %s, not to the operation", at)
	}
	w.says(".told:not(.news)", "It has begun")
	operation, _, _ = strings.Cut(at, "?")
	return operation
}

// drains waits until the line of a key that was open all the time shows that all of
// it has gone through: the drawing, the list and the badge.
func (w *window) drains() {
	w.t.Helper()
	w.comes("the line to be drained", `document.querySelectorAll("[data-live=line] .run.parked, [data-live=line] .run.dead").length === 0
		&& document.querySelectorAll("[data-live=line] .run.settled").length === 1`)
	w.comes("the list to say the same", `/settled\s*1 to 5/.test(document.querySelector("[data-live=line-list] tbody")?.textContent)`)
	w.comes("the badge to say the same", `/^\s*flowing/i.test(document.querySelector("[data-live=why]")?.textContent)`)
	w.comes("the ways out to be gone", `!document.querySelector("[data-live=ways] a.button")`)
	if !w.same() {
		w.t.Error("the page was loaded again")
	}
}

// audited checks that the audit has all of these words, and a name to each row.
func (w *window) audited(words ...string) {
	w.t.Helper()
	w.opens("/audit")
	w.says("[data-rows=audit]", words...)
	if n := answer[int](w, `[...document.querySelectorAll("td[data-name=Who]")].filter((n) => !n.textContent.trim()).length`); n != 0 {
		w.t.Errorf("%d rows do not say who it was", n)
	}
	w.opens("/audit/verify")
	w.says("h1", "The audit is as it was written")
}
