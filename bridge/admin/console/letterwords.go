package console

import (
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// letterWords are the functions of the templates of dead letters and operations.
var letterWords = template.FuncMap{
	"cause": func(reason string) meaning { return reasons[reason] }, "class": func(name string) string { return classes[name] },
	"letter": letterPath, "letters": lettersPath, "operation": operationPath,
	"archived": archivedPath, "rowname": idName, "spell": spell, "raw": func(k api.KeyName) string { return k.Raw() },
	"keypage": keyPath, "bar": barOf, "selects": selects, "exact": exact,
	"seconds":     func(n int64) string { return span(time.Duration(n) * time.Second) },
	"reasonnames": func() []string { return slices.Sorted(maps.Keys(reasons)) },
	"optone":      func(state string) string { return operationTones[state] },
	"groupscommand": func(route, sort string) string {
		return inShell(routed(route, "dlq", "groups", "--sort", sort))
	},
	"letterscommand": func(route string, f filter) string {
		return inShell(append([]string{"dlq", "ls", "--route", route}, f.flags()...))
	},
	"showcommand": showCommand,
}

// operationTones are how the states of operations look; a route that is paused has
// to be looked after, an operation was meant to rest.
var operationTones = map[string]string{"running": "busy", "paused": "quiet", "stopped": "bad", "done": "good", "cancelled": "quiet"}

// routed are words for one route, or for all.
func routed(route string, words ...string) []string {
	if route == "" {
		return words
	}
	return append(words, "--route", route)
}

// inShell are words behind "bridge" as they are typed.
func inShell(words []string) string {
	typed := []string{"bridge"}
	for _, w := range words {
		if !flagName(w) {
			w = api.Quote(w)
		}
		typed = append(typed, w)
	}
	return strings.Join(typed, " ")
}

// showCommand is what shows the same message, and more of its body.
func showCommand(p letter) string {
	of := "dlq"
	if p.Archived != nil {
		of = "archive"
	}
	return inShell(append([]string{of, "show", "--route", p.Route, "-o", "json"}, behindDashes([]string{p.ID})...))
}

// selects is a selection in words.
func selects(s api.Selection) string {
	f, ids := selected(s)
	switch {
	case len(ids) > 0:
		return plural(len(ids), "message by its id", "messages by their ids")
	case f.none():
		return "all dead letters of the route"
	}
	return f.Says()
}
