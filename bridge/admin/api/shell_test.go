package api_test

import (
	"os/exec"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

func TestQuotedWordsAreWordsOfAShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		bash = "" // then only the texts are compared
	}
	for word, want := range map[string]string{
		"4711":            "4711",
		"a/b_c.d:e@f,g%h": "a/b_c.d:e@f,g%h",
		"":                "''",
		"-k":              "'-k'",
		"a b":             "'a b'",
		"it's":            `'it'\''s'`,
		"$(reboot)`x`":    "'$(reboot)`x`'",
		`a\b"c`:           `'a\b"c'`,
		"日本":              "'日本'",
		"~":               "'~'",
		"a\nb":            `$'a\x0ab'`,
		"\x1b[2J":         `$'\x1b[2J'`,
		"\xff'\\\x01":     `$'\xff\'\\\x01'`,
		"\u202ea":         `$'\xe2\x80\xaea'`,
		"\ufffd":          "'\ufffd'",
		"\ufffd\n":        "$'\ufffd\\x0a'",
	} {
		got := api.Quote(word)
		if got != want {
			t.Errorf("%q is quoted as %s, want %s", word, got, want)
		}
		if bash == "" {
			continue
		}
		out, err := exec.Command(bash, "-c", "printf %s "+got).Output()
		if err != nil || string(out) != word {
			t.Errorf("%s is %q to a shell, %v; want %q", got, out, err, word)
		}
	}
}
