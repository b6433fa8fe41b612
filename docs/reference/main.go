// Reference renders the tables of docs/ that are true because they are made of the
// code: those of docs/topology.md of the grammar of the topology file, so that the
// page has every setting that a file may have, with what it takes and its default;
// that of docs/doctor.md of the checks that doctor makes; that of
// docs/capabilities.md of what the edges say that they can; that of
// docs/metrics.md of what is served; that of docs/console.md of who may ask the
// admin interface for what. What stands between the tables is written by hand.
// `make docs` runs it.
package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/brokerbridge/bridge/bridge/config"
)

//go:generate go run .

const (
	page = "../topology.md"
	// later is what the grammar knows and this release does not run.
	later = "../../bridge/config/testdata/unavailable.txt"
)

func main() {
	if err := update(); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

// pages are the documents with tables, and who renders them.
var pages = map[string]func(text string) (string, error){
	page:                 rendered,
	"../doctor.md":       withChecks,
	"../capabilities.md": withTraits,
	"../metrics.md":      withMetrics,
	"../console.md":      withRights,
}

// update writes the pages anew.
func update() error {
	for path, render := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read the page: %w", err)
		}
		out, err := render(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		//nolint:gosec // what everybody may read
		if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
			return fmt.Errorf("write the page: %w", err)
		}
	}
	return nil
}

// rendered is the page with its tables as they should be.
func rendered(text string) (string, error) {
	schema, err := config.Schema()
	if err != nil {
		return "", fmt.Errorf("make the schema: %w", err)
	}
	missing, err := os.ReadFile(later)
	if err != nil {
		return "", fmt.Errorf("read what is not in this release: %w", err)
	}
	g, err := newGrammar(schema)
	if err != nil {
		return "", err
	}
	return g.fill(text, string(missing))
}

// slot is a place of the page that is generated.
var slot = regexp.MustCompile(`(?s)<!-- grammar: (\S+) -->\n.*?<!-- /grammar -->`)

// fill replaces what is in the slots of a page. A section without a slot is an
// error, as is a slot that is no section.
func (g *grammar) fill(text, missing string) (string, error) {
	found := map[string]bool{}
	var errs []error
	text = slot.ReplaceAllStringFunc(text, func(old string) string {
		name := slot.FindStringSubmatch(old)[1]
		found[name] = true
		body := notYet(missing)
		if name != "later" {
			table, err := g.table(name)
			errs = append(errs, err)
			body = table
		}
		return "<!-- grammar: " + name + " -->\n" + body + "<!-- /grammar -->"
	})
	for _, s := range append(g.sections(), "later") {
		if !found[s] {
			errs = append(errs, fmt.Errorf("the page has no place for %q: <!-- grammar: %s -->", s, s))
		}
	}
	return text, errors.Join(errs...)
}

var (
	fault = regexp.MustCompile(`(?m)^\S+:\d+:\d+: (\S+): not in this release: (.*?)(?: \(.*\))?$`)
	index = regexp.MustCompile(`\[\d+\]|^brokers\.[^.]+`)
)

// notYet lists what the corpus says of a file that uses everything.
func notYet(missing string) string {
	var out strings.Builder
	said := map[string]bool{}
	for _, m := range fault.FindAllStringSubmatch(missing, -1) {
		path := index.ReplaceAllStringFunc(m[1], func(s string) string {
			if strings.HasPrefix(s, "brokers") {
				return "brokers.NAME"
			}
			return "[]"
		})
		if line := fmt.Sprintf("- `%s`: %s\n", path, m[2]); !said[line] {
			said[line] = true
			out.WriteString(line)
		}
	}
	if out.Len() == 0 {
		return "Nothing: this release runs all of it.\n"
	}
	return out.String()
}
