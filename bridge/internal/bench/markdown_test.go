package main

import (
	"os"
	"strings"
	"testing"
)

// The tables of the docs are what was measured, and not what somebody typed.
func TestDocsHaveWhatWasMeasured(t *testing.T) {
	const root = "../../../"
	m, err := readMeasured(root + "docs/bench-peers.json")
	if err != nil {
		t.Fatal(err)
	}
	for page, want := range map[string]string{"README.md": m.brief(), "docs/performance.md": m.full()} {
		text, err := os.ReadFile(root + page)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(text), "<!-- bench -->\n\n")
		got, _, ends := strings.Cut(rest, "\n<!-- /bench -->")
		if !found || !ends || got != want {
			t.Errorf("%s has\n%s\nand the results say (go run ./bridge/internal/bench -markdown docs/bench-peers.json)\n%s", page, got, want)
		}
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{9.6: "9", 475.2: "475", 1404.4: "1,400", 15828: "15,800", 128577: "129,000"} {
		if got := thousands(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
