// Package docs_test keeps the documents true where a program can tell: code that
// compiles, topologies that run, links that lead somewhere, tests and metrics that
// exist.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/metrics"
)

// root is the repository, seen from here.
const root = ".."

// documents are all of them, by path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			docs[strings.TrimPrefix(path, root+"/")] = read(t, path)
		}
	}
	if len(docs) < 6 {
		t.Fatalf("only %d documents were found", len(docs))
	}
	return docs
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// blocks are the code blocks of a language.
func blocks(text, language string) (found []string) {
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] == language {
			found = append(found, m[2])
		}
	}
	return found
}

// shown is what a document's Go blocks are taken from: files that are compiled,
// and run in a test.
var shown = map[string][]string{
	"README.md": {"ordering/example_test.go", "bridge/bridgetest/example_test.go"},
	"docs/embedding.md": {
		"ordering/example_test.go", "policies/example_test.go", "bridge/bridgetest/example_test.go",
		"examples/embedded/main.go", "bridge/internal/e2e/child/service/main.go",
	},
	"docs/tracing.md": {"ordering/traced_test.go"},
}

func TestCodeIsThatOfTheExamples(t *testing.T) {
	for name, files := range shown {
		var examples string
		for _, file := range files {
			examples += read(t, filepath.Join(root, file))
		}
		all := blocks(read(t, filepath.Join(root, name)), "go")
		if len(all) == 0 {
			t.Errorf("%s shows no code", name)
		}
		for _, code := range all {
			if !strings.Contains(examples, "\n"+code) {
				t.Errorf("this is in %s and in none of %v:\n%s", name, files, code)
			}
		}
	}
}

func TestTopologiesCanRun(t *testing.T) {
	for name, text := range documents(t) {
		for _, topology := range blocks(text, "yaml") {
			f, err := config.Parse(name, []byte(topology), func(string) (string, bool) { return "", false })
			if err != nil {
				t.Errorf("%v\n%s", err, topology)
				continue
			}
			if faults := config.Unavailable(f); len(faults) > 0 {
				t.Errorf("%v\n%s", faults, topology)
			}
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	docs := documents(t)
	for name, text := range docs {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(m[1], "://") {
				continue
			}
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: %s: %v", name, m[1], err)
			}
			if anchor != "" && !slices.Contains(anchors(docs[target]), anchor) {
				t.Errorf("%s: %s has no heading for #%s", name, target, anchor)
			}
		}
	}
}

// anchors are the headings of a document as GitHub links them.
func anchors(text string) (all []string) {
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}

var (
	named   = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")
	defined = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

func TestNamedTestsExist(t *testing.T) {
	exist := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			for _, m := range defined.FindAllStringSubmatch(read(t, path), -1) {
				exist[m[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if !exist[m[1]] {
				t.Errorf("%s names %s, which does not exist", name, m[1])
			}
		}
	}
}

var (
	faults   = regexp.MustCompile(`(?m)^\| ([A-E]\d+) \|.*\| ([^|]*) \|$`)
	ofAFault = regexp.MustCompile(`(?m)^func (?:Test|Fuzz)(?:\w+_)?([A-E]\d+)_\w+\(`)
)

// TestEveryFaultHasATest holds the section on faults against the tests: each row names
// one, and no test is named after a fault that has no row.
func TestEveryFaultHasATest(t *testing.T) {
	_, section, found := strings.Cut(read(t, filepath.Join(root, "docs", "promises.md")), "\n## Faults and their tests\n")
	section, _, ends := strings.Cut(section, "\n## ")
	if !found || !ends {
		t.Fatal("there is no section on faults")
	}
	rows := map[string]bool{}
	for _, row := range faults.FindAllStringSubmatch(section, -1) {
		rows[row[1]] = true
		if !named.MatchString(row[2]) {
			t.Errorf("no test is named for %s", row[1])
		}
	}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, test := range ofAFault.FindAllStringSubmatch(read(t, path), -1) {
			if !rows[test[1]] {
				t.Errorf("%s has a test of %s, which has no row", path, test[1])
			}
		}
		return nil
	})
	if err != nil || len(rows) < 50 {
		t.Errorf("%d faults have rows, %v", len(rows), err)
	}
}

// TestMetricsAreThoseThatAreServed wherever a document names one; docs/metrics.md has
// all of them, and those that there are not.
func TestMetricsAreThoseThatAreServed(t *testing.T) {
	known := map[string]bool{}
	for name := range served() {
		known[name] = true
	}
	for _, m := range metrics.Table() {
		known[m.Name] = true
	}
	_, missing, _ := strings.Cut(documents(t)["docs/metrics.md"], "\n## What is not there\n")
	n := 0
	for name, text := range documents(t) {
		for _, m := range regexp.MustCompile("`(bridge_\\w+)`|\\b(bridge_\\w+)[{[]").FindAllStringSubmatch(text, -1) {
			n++
			if used := m[1] + m[2]; !known[used] && !strings.Contains(missing, "| `"+used+"` |") {
				t.Errorf("%s tells of %s, which is not served", name, used)
			}
		}
	}
	if n < len(metrics.Table()) {
		t.Errorf("only %d names were found", n)
	}
}
