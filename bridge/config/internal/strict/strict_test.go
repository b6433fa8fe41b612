package strict

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func env(name string) (string, bool) {
	v, ok := map[string]string{"A": "a", "EMPTY": "", "DOLLAR": "${A}$$"}[name]
	return v, ok
}

func TestExpand(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                       "",
		"plain":                  "plain",
		"${A}":                   "a",
		"x${A}y${A}z":            "xayaz",
		"$A $ a$":                "$A $ a$",
		"$$":                     "$",
		"$${A}":                  "${A}",
		"$$${A}":                 "$a",
		"${DOLLAR}":              "${A}$$", // what comes from outside is not expanded again
		"${EMPTY}":               "",
		"${EMPTY:-x}":            "x",
		"${NONE:-x}":             "x",
		"${NONE:-}":              "",
		"${NONE:-a:-b}":          "a:-b",
		"${file:" + secret + "}": "s\n",
	} {
		if got, err := expand(text, env); err != nil || got != want {
			t.Errorf("%s: got %q, %v", text, got, err)
		}
	}
}

func TestExpandRefuses(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, longestSecret+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"${NONE}":                 "NONE is not set",
		"${":                      "without its }",
		"${A":                     "without its }",
		"${}":                     "wants a variable name",
		"${1A}":                   "wants a variable name",
		"${A-b}":                  "wants a variable name",
		"${file:/nothing/at/all}": "cannot read",
		"${file:.}":               "not a regular file",
		"${file:}":                "cannot read",
		"${file:" + large + "}":   "larger than 64 KiB",
	} {
		if got, err := expand(text, env); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v", text, got, err)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"queue", "topic", "window", "window_bytes", "by", "key"}
	for text, want := range map[string]string{
		"queu": "queue", "quuee": "queue", "Queue": "queue", "window-bytes": "window_bytes", "windows": "window",
		"kye": "key", "b": "by", "x": "", "": "", "exchange": "", strings.Repeat("q", 1000): "",
	} {
		if got := Nearest(text, words); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "axc", 1}, {"ca", "abc", 3}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestParent(t *testing.T) {
	for path, want := range map[string]string{
		"a": "", "a.b": "a", "a.b[2]": "a.b", "a[0].b": "a[0]", `a."x.y[0]"`: "a", `a."x.y".b`: `a."x.y"`, `"x.y"`: "", "": "",
	} {
		if got := Parent(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "4096": 4096, "1B": 1, "64MiB": 64 << 20, "64 MiB": 64 << 20, "1kB": 1000, "1KB": 1000, "1GB": 1e9, "2TiB": 2 << 40,
		"0": 0, "-1": 0, "+1": 0, "1.5GB": 0, "MiB": 0, "1mb": 0, "1 M": 0, "": 0, "9223372036854775807": math.MaxInt64, "9223372036854775807kB": 0,
	} {
		got, err := parseSize(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%s: got %d, %v", text, got, err)
		}
		if want > 0 {
			if again, err := parseSize(showSize(want)); err != nil || again != want {
				t.Errorf("%s shows as %s", text, showSize(want))
			}
		}
	}
}

func TestDurationsShow(t *testing.T) {
	for _, want := range []string{"0s", "100ms", "1.5s", "1m", "1m30s", "10m", "1h", "1h0m30s", "1h30m", "720h"} {
		d, err := time.ParseDuration(want)
		if got := showDuration(d); err != nil || got != want {
			t.Errorf("%s shows as %s", want, got)
		}
	}
}

// An excerpt never shows what is hidden, and its caret stands below its place.
func TestExcerpt(t *testing.T) {
	hide := []span{{mark{1, 6}, mark{1, 12}}, {mark{2, 4}, mark{3, 5}}}
	for _, c := range []struct {
		line string
		at   mark
		want string
	}{
		{"key: secret, b: 1", mark{1, 1}, "key: [redacted] , b: 1\n^"},
		{"key: secret, b: 1", mark{1, 14}, "key: [redacted] , b: 1\n                  ^"},
		{"a: secret", mark{2, 1}, "a: [redacted]\n^"},
		{"cret b: 1", mark{3, 6}, "[redacted]  b: 1\n            ^"},
		{"  - b: 1", mark{3, 5}, "  - b: 1\n    ^"},
		{"a: x://u:p@h # x://u:p@h", mark{9, 4}, "a: x://[redacted]@h\n   ^"},
		{"a: \x1b[31m\u202e", mark{9, 40}, "a: \uFFFD[31m\uFFFD\n         ^"},
		{"\ta: 1\r", mark{9, 2}, " a: 1\n ^"},
		{"", mark{9, 1}, "\n^"},
	} {
		got := strings.ReplaceAll(strings.TrimSuffix(excerpt(c.line, c.at, hide), "\n"), "    ", "····")
		want := "    " + strings.ReplaceAll(c.want, "\n", "\n    ")
		if got != strings.ReplaceAll(want, "    ", "····") {
			t.Errorf("%q at %v:\n%s\nwant:\n%s", c.line, c.at, got, want)
		}
	}
}
