package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/brokerbridge/bridge/bridge/doctor"
)

// between replaces what a page has between <!-- NAME --> and <!-- /NAME -->.
func between(text, name, body string) (string, error) {
	slot := regexp.MustCompile(`(?s)<!-- ` + name + ` -->\n.*?<!-- /` + name + ` -->`)
	if !slot.MatchString(text) {
		return "", errors.New("the page has no place for " + name)
	}
	return slot.ReplaceAllLiteralString(text, "<!-- "+name+" -->\n"+body+"<!-- /"+name+" -->"), nil
}

// withChecks is the page with a row for each check that doctor makes.
func withChecks(text string) (string, error) {
	var out strings.Builder
	out.WriteString("| code | says | looks at | why it hurts |\n|---|---|---|---|\n")
	for _, c := range doctor.Checks {
		var says []string
		for _, s := range c.Severities {
			says = append(says, string(s))
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", c.Code, strings.Join(says, ", "), cell(c.Looks), cell(c.Why))
	}
	return between(text, "checks", out.String())
}
