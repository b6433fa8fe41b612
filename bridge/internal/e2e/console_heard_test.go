package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// unheard finds what somebody who does not see the page could not use: fields,
// buttons, links and drawings without a name, headings that skip a level, tables
// without heads, and names that are there twice.
const unheard = `(() => {
	const found = [];
	const told = (n) => (n.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean)
		.map((id) => document.getElementById(id)?.textContent ?? "").join("").trim()
		|| n.getAttribute("aria-label")?.trim() || n.getAttribute("title")?.trim();
	const brief = (n) => n.outerHTML.slice(0, 120);
	if (!document.documentElement.lang || !document.title.trim()) found.push("the page has no language or title");
	if (document.querySelectorAll("main h1").length !== 1) found.push(document.querySelectorAll("main h1").length + " first headings");
	let level = 0;
	for (const n of document.querySelectorAll("main :is(h1, h2, h3, h4, h5, h6)")) {
		const next = Number(n.tagName[1]);
		if (next > level + 1) found.push("a heading skips a level: " + brief(n));
		if (!n.textContent.trim()) found.push("an empty heading: " + brief(n));
		level = next;
	}
	for (const n of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
		if (!told(n) && ![...n.labels].some((l) => l.textContent.trim())) found.push("a field without a name: " + brief(n));
	for (const n of document.querySelectorAll("button, a[href], summary"))
		if (!told(n) && !n.textContent.trim() && !n.querySelector("img[alt]:not([alt=''])")) found.push("nothing says what this does: " + brief(n));
	for (const n of document.querySelectorAll("img:not([alt])")) found.push("an image without a name: " + brief(n));
	for (const n of document.querySelectorAll("svg"))
		if (n.getAttribute("aria-hidden") !== "true" && !(["img", "group"].includes(n.getAttribute("role")) && told(n))) found.push("a drawing without a name: " + brief(n));
	for (const n of document.querySelectorAll("table")) {
		const heads = [...n.querySelectorAll("th")];
		if (!heads.length) found.push("a table without heads: " + brief(n));
		for (const h of heads) if (!h.textContent.trim()) found.push("an empty head: " + brief(h));
	}
	for (const n of document.querySelectorAll("[aria-hidden=true] :is(a[href], button, input)")) found.push("hidden, and yet reached: " + brief(n));
	for (const [kind, within] of [["id", ""], ["data-live", ""], ["data-rows", ""], ["data-row", "[data-rows]"]]) {
		const seen = new Set();
		for (const n of document.querySelectorAll("[" + kind + "]")) {
			const name = (within ? n.closest(within)?.dataset.rows + "\n" : "") + n.getAttribute(kind);
			if (seen.has(name)) found.push("there twice: " + kind + " " + name.slice(0, 100));
			seen.add(name);
		}
	}
	for (const n of document.querySelectorAll("[aria-labelledby]"))
		if (!told(n)) found.push("a name that is nowhere: " + brief(n));
	return found;
})()`

// unread finds text that is too faint before its ground: a contrast below 4.5, as
// WCAG 2 reckons it. What cannot be pressed, or is gone, may be faint.
const unread = `(() => {
	const parts = (c) => (c.match(/[\d.]+/g) ?? []).map(Number);
	const luminance = ([r, g, b]) => {
		const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * x + 0.7152 * y + 0.0722 * z;
	};
	const ground = (n) => {
		for (; n; n = n.parentElement) {
			const c = parts(getComputedStyle(n).backgroundColor);
			if (c.length === 3 || c[3] === 1) return c;
		}
		return [255, 255, 255];
	};
	const found = new Set();
	for (const n of document.querySelectorAll("body *:not(svg, svg *, option, .gone, .gone *)")) {
		if (![...n.childNodes].some((c) => c.nodeType === 3 && c.data.trim()) || !n.checkVisibility()) continue;
		const [a, b] = [luminance(parts(getComputedStyle(n).color)), luminance(ground(n))];
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 4.5) found.add(contrast.toFixed(2) + ": " + n.outerHTML.slice(0, 100));
	}
	return [...found].slice(0, 5);
})()`

// TestTheConsoleIsUsedWithKeys: with nothing but Tab and Enter one gets from the
// overview to the worst cause, and to the button that redrives it. Where one is, is
// always seen.
func TestTheConsoleIsUsedWithKeys(t *testing.T) {
	t.Parallel()
	_, _, w := stuck(t, 2)
	w.opens("/")
	if first := w.tabs("a.skip"); len(first) != 1 {
		t.Errorf("the first is %q, not the way past the menu", first)
	}
	order := w.tabs("[data-live=verdict] a.button")
	menu := slices.IndexFunc(order, func(text string) bool { return strings.HasPrefix(text, "Dead letters") })
	if menu < 0 {
		t.Errorf("the menu is not between: %q", order)
	}
	w.enters()
	w.tabs(`section[aria-label="With all"] a[href*="do=redrive"]`)
	w.enters()
	w.tabs("input[name=canary]")
	w.must(w.Do(chromedp.KeyEvent("1")))
	w.tabs("input[name=reason]")
	w.must(w.Do(chromedp.KeyEvent("by keys")))
	w.tabs("form.act .buttons button")
	w.enters()
	w.reads("[data-live=op-state]", "stopped")
	w.opens("/routes/orders/dead-letters")
	w.must(w.Do(chromedp.KeyEvent("jjx")))
	if n := answer[int](w, `[...document.querySelectorAll("[data-row]")].findIndex((n) => n.querySelector("input").checked && n.contains(document.activeElement))`); n != 1 {
		t.Errorf("j, j and x tick row %d, want the second", n+1)
	}
}

// tabs goes on with Tab until something is reached, and says what was passed.
func (w *window) tabs(to string) (passed []string) {
	w.t.Helper()
	for range 80 {
		w.must(w.Do(chromedp.KeyEvent(kb.Tab)))
		passed = append(passed, answer[string](w, `document.activeElement.textContent.trim().slice(0, 60)`))
		if !answer[bool](w, `document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
			w.t.Errorf("one does not see that one is at %q", passed[len(passed)-1])
		}
		if answer[bool](w, `document.activeElement.matches(`+"`"+to+"`"+`)`) {
			return passed
		}
	}
	w.t.Fatalf("Tab does not lead to %s, but to %q", to, passed)
	return nil
}

// enters presses Enter, and waits for the page that comes.
func (w *window) enters() {
	w.t.Helper()
	w.marks()
	w.must(w.Do(chromedp.KeyEvent(kb.Enter)))
	w.comes("another page", `window.marked === undefined && document.readyState === "complete"`)
}
