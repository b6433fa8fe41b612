package main

import (
	"fmt"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin"
)

// withRights fills in who may ask the admin interface for what.
func withRights(text string) (string, error) {
	var out strings.Builder
	out.WriteString("| page | role | what is there |\n|---|---|---|\n")
	api := false
	for _, r := range admin.Rights() {
		if !r.Page && !api {
			api = true
			out.WriteString("\n| API | role | what is there |\n|---|---|---|\n")
		}
		fmt.Fprintf(&out, "| `%s %s` | %s | %s |\n", r.Method, strings.TrimSuffix(r.Path, "{$}"), r.Role, r.Says)
	}
	return between(text, "rights", out.String())
}
