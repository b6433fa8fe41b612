package main

import (
	"os"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/config"
)

// The committed pages are what `make docs` makes of them.
func TestPagesAreGenerated(t *testing.T) {
	for path, render := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := render(string(text))
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != want {
			t.Errorf("%s differs from the code: run `make docs`\n%s", path, firstDifference(string(text), want))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return "one is longer"
}

// Every key of the grammar has a row somewhere, or is a table of its own.
func TestEveryKeyHasARow(t *testing.T) {
	schema, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGrammar(schema)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, s := range g.sections() {
		table, err := g.table(s)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(table, "\n") < 3 {
			t.Errorf("%s has no rows:\n%s", s, table)
		}
		all.WriteString(table)
	}
	for _, line := range strings.Split(string(schema), "\n") {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), ": {")
		if name = strings.Trim(name, `"`); !ok || rest != "" || name == "properties" || strings.HasPrefix(name, "additional") || name == "items" || name == "propertyNames" {
			continue
		}
		if !strings.Contains(all.String(), name+"` |") && !strings.Contains(all.String(), name+".") && !strings.Contains(all.String(), name+"[]") {
			t.Errorf("%s has no row", name)
		}
	}
}

func TestNotYet(t *testing.T) {
	got := notYet("a.yaml:7:13: brokers.x.client: not in this release: that client (leave it out)\n" +
		"a.yaml:8:1: routes[1].order.by: not in this release: another order\n" +
		"a.yaml:9:1: routes[2].order.by: not in this release: another order\n")
	want := "- `brokers.NAME.client`: that client\n- `routes[].order.by`: another order\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := notYet(""); !strings.HasPrefix(got, "Nothing") {
		t.Errorf("got %q", got)
	}
}
