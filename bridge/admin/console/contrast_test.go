package console

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// readable are the colours that stand on each other somewhere, text first, and how
// much apart they have to be: 4.5 for text, 3 for what only has to be seen.
var readable = []struct {
	least float64
	text  []string
	on    []string
}{
	{4.5, []string{"text", "soft", "link"}, []string{"ground", "card", "code", "quiet-ground"}},
	{4.5, []string{"good", "busy", "bad", "quiet"}, []string{"ground", "card", "code"}},
	{4.5, []string{"text"}, []string{"good-ground", "busy-ground", "bad-ground"}},
	{4.5, []string{"good"}, []string{"good-ground"}},
	{4.5, []string{"busy"}, []string{"busy-ground"}},
	{4.5, []string{"bad"}, []string{"bad-ground"}},
	{4.5, []string{"quiet"}, []string{"quiet-ground"}},
	{4.5, []string{"in"}, []string{"code"}}, // numbers of a body
	{3, []string{"focus", "in", "out", "park", "dead"}, []string{"ground", "card"}},
}

var (
	token = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`)
	fixed = regexp.MustCompile(`background: (#[0-9a-f]{6});[^}]*[^-]color: #fff;`)
	// both is a rule that says text and ground, in either order.
	both = regexp.MustCompile(`\{[^}]*?(?:background: var\(--([a-z-]+)\)[^}]*[^-]color: var\(--([a-z-]+)\)|[^-]color: var\(--([a-z-]+)\)[^}]*background: var\(--([a-z-]+)\))`)
)

// TestColoursCanBeRead in both themes, whether the system or somebody has chosen the
// dark one.
func TestColoursCanBeRead(t *testing.T) {
	css := stylesheet(t)
	light := tokens(t, css, ":root {")
	dark := tokens(t, css, `:root[data-theme="dark"] {`)
	if system := tokens(t, css, `:root:not([data-theme="light"]) {`); !maps.Equal(dark, system) {
		t.Errorf("the dark theme that is chosen differs from that of the system: %v and %v", dark, system)
	}
	for name := range light {
		if dark[name] == "" {
			t.Errorf("--%s has no colour in the dark", name)
		}
	}
	for theme, colours := range map[string]map[string]string{"light": light, "dark": dark} {
		for _, r := range readable {
			for _, text := range r.text {
				for _, on := range r.on {
					if c := contrast(t, colours[text], colours[on]); c < r.least {
						t.Errorf("%s: --%s on --%s has a contrast of %.2f, want %v", theme, text, on, c, r.least)
					}
				}
			}
		}
	}
	for _, m := range fixed.FindAllStringSubmatch(css, -1) {
		if c := contrast(t, "#ffffff", m[1]); c < 4.5 {
			t.Errorf("white on %s has a contrast of %.2f", m[1], c)
		}
	}
}

// TestEachPairOfColoursIsChecked: a rule with a text and a ground that readable does
// not name is one that nobody looks at.
func TestEachPairOfColoursIsChecked(t *testing.T) {
	for _, m := range both.FindAllStringSubmatch(stylesheet(t), -1) {
		text, on := m[2]+m[3], m[1]+m[4]
		known := false
		for _, r := range readable {
			known = known || r.least == 4.5 && slices.Contains(r.text, text) && slices.Contains(r.on, on)
		}
		if !known {
			t.Errorf("--%s on --%s is not in readable: %s", text, on, m[0])
		}
	}
}

func stylesheet(t *testing.T) string {
	t.Helper()
	css, err := files.ReadFile("assets/console.css")
	if err != nil {
		t.Fatal(err)
	}
	return string(css)
}

// tokens are the colours of the block that begins with a line.
func tokens(t *testing.T, css, begin string) map[string]string {
	t.Helper()
	_, block, ok := strings.Cut(css, begin)
	block, _, end := strings.Cut(block, "}")
	if !ok || !end {
		t.Fatalf("there is no %s", begin)
	}
	all := map[string]string{}
	for _, m := range token.FindAllStringSubmatch(block, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// contrast is that of two colours, from 1 to 21, as WCAG 2.2 defines it.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is how bright a colour like #1c211e is, from 0 to 1, as WCAG 2.2 defines
// it.
func luminance(t *testing.T, colour string) (sum float64) {
	t.Helper()
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(fmt.Sprintf("%.2s", colour[min(len(colour), 1+2*i):]), 16, 8)
		if err != nil {
			t.Fatalf("%q is no colour", colour)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
