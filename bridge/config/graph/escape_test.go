package graph

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/config"
)

func TestF5NamesMeanNothingToMermaid(t *testing.T) {
	for in, want := range map[string]string{
		"all_orders.web-1 (é)": "all_orders.web-1 (é)",
		`a"b`:                  "a#34;b",
		`a\nb`:                 "a#92;nb",
		"a\nb":                 "a#10;b",
		"a]b":                  "a#93;b",
		"a<b>":                 "a#60;b#62;",
		"a#b #quot; #35;":      "a#35;b #35;quot#59; #35;35#59;",
		"a&amp;":               "a#38;amp#59;",
		"_x_ *y* `z`":          "#95;x#95; #42;y#42; #96;z#96;",
		"style:a#b":            "style#58;a#35;b",
		"orders: by revision":  "orders: by revision",
		"www.x":                "www#46;x",
		"%%{init}":             "#37;#37;#123;init#125;",
		"\u202e":               "#8238;",
		"a\u00a0b":             "a#160;b",
	} {
		if got := mermaidText(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestF5NamesMeanNothingToGraphviz(t *testing.T) {
	for in, want := range map[string]string{
		"all_orders.web-1 é":  "all_orders.web-1 é",
		`a"b`:                 `a\"b`,
		`a\`:                  `a\\`,
		`\N\G\n`:              `\\N\\G\\n`,
		"a\nb":                "a&#10;b",
		"a]b":                 "a]b",
		"<b>a</b>":            "<b>a</b>",
		"a#b":                 "a#b",
		"&lt; &#60;":          "&amp;lt; &amp;#60;",
		"\u202e\u009b":        "&#8238;&#155;",
		"orders: by revision": "orders: by revision",
	} {
		if got := dotText(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// A terminal gets each line through what makes it fit for one.
func TestF5TextIsShownAsItIsTold(t *testing.T) {
	var b strings.Builder
	if err := Text(&b, graphOf("x\x1b\n\"y"), strconv.Quote); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"b (amqp)"`, `"r: by revision, when x\x1b\n\"y"`, `    from          "b: queue x\x1b\n\"y"`,
		`    to            "b: queue x\x1b\n\"y, routing key x\x1b\n\"y, read by r"`,
		`    dead letters  "b: queue x\x1b\n\"y, routing key x\x1b\n\"y, read by r"`,
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("no %s in\n%s", want, &b)
		}
	}
}

// graphOf has a name wherever a file can have one.
func graphOf(name string) Graph {
	link := Link{Note: "routing key " + name}
	return Graph{
		Brokers: []Broker{{"b", config.KindAMQP, []Place{{"queue", name}}}},
		Routes:  []Route{{"r", "by revision, when " + name, []Spot{{}}, link, &link}},
	}
}

var (
	mermaidCode  = regexp.MustCompile(`#(\d+);`)
	mermaidPlain = regexp.MustCompile(`^[\pL\p{Nd} .,:()_-]*$`)
	dotQuoted    = regexp.MustCompile(`^(?:[^"\\\n]|\\["\\])*$`)
	dotCode      = regexp.MustCompile(`&#(\d+);`)
)

// Whatever a name is, the drawing has the same lines, and shows that name.
func FuzzF5Names(f *testing.F) {
	for _, s := range []string{`a"]\`, "a\nb\r]", "#35; &amp; <b>", "__x_ *", "\xff\x00\u2028", "style:#1;", "日本 🙂"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for format := range formats {
			if format == "text" {
				continue // what it shows is its caller's
			}
			got, want := written(t, format, graphOf(name)), written(t, format, graphOf("x"))
			if strings.Count(got, "\n") != strings.Count(want, "\n") {
				t.Errorf("%q makes other lines of %s:\n%s", name, format, got)
			}
		}
		valid := string([]rune(name))
		if m := mermaidText(name); fromMermaid(m) != valid || !mermaidPlain.MatchString(mermaidCode.ReplaceAllString(m, "")) {
			t.Errorf("%q became %s", name, m)
		}
		if d := dotText(name); fromDOT(d) != valid || !dotQuoted.MatchString(d) {
			t.Errorf("%q became %s", name, d)
		}
	})
}

func fromMermaid(s string) string { return decoded(mermaidCode, s) }

func fromDOT(s string) string {
	s = decoded(dotCode, strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s))
	return strings.ReplaceAll(s, "&amp;", "&")
}

func decoded(code *regexp.Regexp, s string) string {
	return code.ReplaceAllStringFunc(s, func(found string) string {
		n, _ := strconv.Atoi(code.FindStringSubmatch(found)[1])
		return string(rune(n))
	})
}
