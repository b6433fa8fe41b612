package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestF5NothingCommandsTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain é 日本 🙂":    "plain é 日本 🙂",
		"\x1b[2J":         `\x1b[2J`,
		"a\nb\tc\r":       `a\nb\tc\r`,
		"\x7f\u009b":      `\x7f\u009b`,
		"\u202eevil":      `\u202eevil`,
		"\xff\xfe":        `\xff\xfe`,
		"\ufffd":          "\ufffd",
		"it's":            "it's",
		"\U000e0041":      `\U000e0041`,
		"\x00\a\b\x1b]0;": `\x00\a\b\x1b]0;`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	if got := lines("a\n\tb\x1b"); got != "a\n\tb\\x1b" {
		t.Errorf("%q", got)
	}
}

func FuzzF5Printable(f *testing.F) {
	f.Add("\x1b[31m\u202e\u009b\x7f\xff'")
	f.Fuzz(func(t *testing.T, s string) {
		doc, err := json.Marshal(s)
		if err != nil {
			t.Skip()
		}
		shown := visibleJSON(doc)
		for _, text := range []string{printable(s), shown} {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q is shown as %q", s, text)
			}
		}
		// JSON keeps its meaning.
		var before, after string
		if json.Unmarshal(doc, &before) != nil || json.Unmarshal([]byte(shown), &after) != nil || before != after {
			t.Errorf("%q became %q", before, after)
		}
	})
}
