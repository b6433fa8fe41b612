package main

import (
	"os"
	"strings"
	"testing"
)

const root = "../../../"

// The tables of the docs are what was measured, and not what somebody typed.
func TestDocsHaveWhatWasMeasured(t *testing.T) {
	peers, err := readMeasured(root + "docs/bench-peers.json")
	if err != nil {
		t.Fatal(err)
	}
	wheel, err := readMeasured(root + "docs/roulette.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ page, mark, want, file string }{
		{"README.md", "bench", peers.brief(), "bench-peers.json"},
		{"docs/performance.md", "bench", peers.full(), "bench-peers.json"},
		{"README.md", "roulette", wheel.Cases.Roulette.brief(), "roulette.json"},
		{"docs/comparison.md", "roulette", wheel.Cases.Roulette.markdown(), "roulette.json"},
	} {
		text, err := os.ReadFile(root + c.page)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(text), "<!-- "+c.mark+" -->\n\n")
		got, _, ends := strings.Cut(rest, "\n<!-- /"+c.mark+" -->")
		if !found || !ends || got != c.want {
			t.Errorf("%s has\n%s\nand the results say (go run ./bridge/internal/bench -markdown docs/%s)\n%s", c.page, got, c.file, c.want)
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
