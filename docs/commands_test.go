package docs_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCommandsExist asks the program for help about every command line that the
// documents show: its subcommands and flags are there.
func TestCommandsExist(t *testing.T) {
	program := built(t)
	texts := map[string]string{}
	n := 0
	for name, text := range documents(t) {
		for _, line := range shownCommands(text) {
			n++
			isThere(t, program, texts, name, line)
		}
	}
	if n < 80 {
		t.Errorf("only %d command lines were found", n)
	}
}

// isThere asks for help about a command line. texts is what was asked for before.
func isThere(t *testing.T, program string, texts map[string]string, where, line string) {
	t.Helper()
	words, flags := apart(line)
	path := strings.Join(words, " ")
	if texts[path] == "" {
		texts[path] = help(t, program, words)
	}
	for _, flag := range flags {
		if !hasFlag(texts[path], flag) {
			t.Errorf("%s: bridge %s has no %s: %s", where, path, flag, line)
		}
	}
	if !isCommand(texts[path], words) {
		t.Errorf("%s: there is no command bridge %s: %s", where, path, line)
	}
}

// built is the program of this checkout.
func built(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bridge")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../cmd/bridge").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func help(t *testing.T, program string, words []string) string {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), program, append(slices.Clone(words), "--help")...).CombinedOutput()
	return string(out)
}

var (
	inText = regexp.MustCompile("`bridge ([a-z][^`]*)`")
	typed  = regexp.MustCompile(`(?m)^(?:\$ )?(?:\S*/)?bridge ([a-z].*)$`)
	isWord = regexp.MustCompile(`^[a-z]+$`)
	isFlag = regexp.MustCompile(`^--?[a-z][a-z-]*`)
)

// shownCommands are what a document has after the word bridge, in its blocks and
// between backticks.
func shownCommands(text string) (lines []string) {
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] == "sh" || m[1] == "" {
			for _, c := range typed.FindAllStringSubmatch(m[2], -1) {
				line, _, _ := strings.Cut(c[1], " #")
				lines = append(lines, line)
			}
		}
	}
	for _, m := range inText.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		lines = append(lines, m[1])
	}
	return lines
}

// groups are the commands that hold others.
var groups = []string{"routes", "keys", "dlq", "archive", "audit", "ops", "store", "completion", "demo"}

// apart splits a command line into its subcommands and its flags.
func apart(line string) (words, flags []string) {
	line = regexp.MustCompile(`'[^']*'|"[^"]*"`).ReplaceAllString(line, "TEXT")
	for i, f := range strings.Fields(line) {
		switch {
		case isFlag.MatchString(f):
			flags = append(flags, isFlag.FindString(f))
		case isWord.MatchString(f) && (i == 0 || i == 1 && slices.Contains(groups, words[0])):
			words = append(words, f)
		}
	}
	return words, flags
}

func isCommand(help string, words []string) bool {
	return strings.Contains(help, "\n  bridge "+strings.Join(words, " "))
}

func hasFlag(help, flag string) bool {
	if strings.HasPrefix(flag, "--") {
		return regexp.MustCompile(`(?m)^ +(-\w, )?` + flag + `\b`).MatchString(help)
	}
	return regexp.MustCompile(`(?m)^ +` + flag + `, `).MatchString(help)
}
