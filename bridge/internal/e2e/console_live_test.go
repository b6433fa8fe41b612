package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
)

// more makes a key of an incident fail, too.
func (i *incident) more(t *testing.T, key string) {
	t.Helper()
	e2e.Publish(t, e2e.Queue(i.from), withLarge(key, 2))
}

const listed = `document.querySelectorAll("[data-rows=letters] [data-row]").length`

// TestRowsStayWhereTheyAre: what comes to a list that is open does not move the row
// at which somebody is, nor take the place that they are at; it is told, and shown
// when they ask for it.
func TestRowsStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	i, _, w := stuck(t, 4)
	for _, from := range []string{"the top", "below"} {
		w.opens("/routes/orders/dead-letters")
		had := answer[int](w, listed)
		w.must(w.Do(chromedp.KeyEvent("jj")))
		if from == "below" {
			answer[bool](w, `scrollTo(0, 60), true`)
		}
		const place = `(() => { const r = document.querySelector("tr[data-at]").getBoundingClientRect(); return r.top + " " + r.left; })()`
		before := answer[string](w, place)
		w.marks()
		i.more(t, "new-"+strings.ReplaceAll(from, " ", ""))
		w.reads(".news", "1 new row")
		if after := answer[string](w, place); after != before {
			t.Errorf("from %s, the row went from %s to %s", from, before, after)
		}
		if n := answer[int](w, listed); n != had || !w.same() || !answer[bool](w, `document.querySelector("tr[data-at]").contains(document.activeElement)`) {
			t.Errorf("from %s, there are %d rows, were %d, or the place is lost", from, n, had)
		}
		w.follows(".news button")
		if n := answer[int](w, listed); n != had+1 {
			t.Errorf("when asked for, %d rows are shown, want %d", n, had+1)
		}
	}
}

// TestAPageStandsStillWhenAsked, while another window goes on, and goes on when asked
// to. What was chosen is kept for the next page.
func TestAPageStandsStillWhenAsked(t *testing.T) {
	t.Parallel()
	i, b, still := stuck(t, 2)
	goes := look(t, b)
	still.opens("/")
	still.must(still.Do(chromedp.KeyEvent("p")))
	still.reads("#live-tools .badge", "not updating")
	still.opens("/routes/orders/")
	still.reads("#live-tools .badge", "not updating")
	goes.opens("/routes/orders/")
	goes.reads("#live-tools .badge", "live")
	still.marks()
	const asked = `performance.getEntriesByType("resource").filter((e) => ["fetch", "eventsource"].includes(e.initiatorType)).length`
	for n := range 2 {
		i.more(t, fmt.Sprint("new-", n))
		goes.reads("[data-live=nav-dead]", fmt.Sprint(3+n))
	}
	if text := still.text("[data-live=nav-dead]"); text != "2" {
		t.Errorf("a page that was told to stand still says %s", text)
	}
	if n := answer[int](still, asked); n != 0 {
		t.Errorf("it asked %d times", n)
	}
	answer[bool](still, `[...document.querySelectorAll("#live-tools button")].find((b) => b.textContent === "go on").click(), true`)
	still.reads("[data-live=nav-dead]", "4")
	still.reads("#live-tools .badge", "live")
	if !still.same() {
		t.Error("the page was loaded again")
	}
}

// TestAPageOutlivesTheBridge: a page that is open says that the bridge is away, and
// comes back by itself, up to date, when it is there again.
func TestAPageOutlivesTheBridge(t *testing.T) {
	t.Parallel()
	i, b, w := stuck(t, 2)
	w.opens("/routes/orders/")
	w.reads("#live-tools .badge", "live")
	w.marks()
	stopped(t, b)
	w.reads("#live-tools .badge", "no answer from the bridge")
	i.more(t, "while-it-was-away")
	b.Restart()
	w.reads("[data-live=nav-dead]", "3")
	w.reads("#live-tools .badge", "live")
	if !w.same() {
		t.Error("the page was loaded again")
	}
	w.faultless("while the bridge was away", away...)
}
