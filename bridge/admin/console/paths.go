package console

import (
	"html/template"
	"net/url"
	"slices"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// The pages that others lead to.

func routePath(route string) string { return "/routes/" + segment(route) }

func lettersPath(route string) string { return routePath(route) + "/dead-letters" }

func letterPath(route, id string) string { return lettersPath(route) + "/" + segment(id) }

func archivePath(route string) string { return routePath(route) + "/archive" }

func archivedPath(route, id string) string { return archivePath(route) + "/" + segment(id) }

func operationPath(route, id string) string { return routePath(route) + "/operations/" + segment(id) }

func operationsPath(route string) string {
	return "/operations?" + url.Values{"route": {route}}.Encode()
}

// keyPath is the page of a key. A browser takes "." and ".." in a path for other
// places, however they are escaped, so that these keys are named in the query.
func keyPath(route, key string) string {
	if key == "." || key == ".." {
		return routePath(route) + "/key?" + url.Values{"key": {key}}.Encode()
	}
	return routePath(route) + "/keys/" + segment(key)
}

// actPath is where changes of a route are planned and made.
func actPath(route string) string { return routePath(route) + "/act" }

// actPage is the page of a change, and of what it is about.
func actPage(route, verb string, about ...string) template.URL {
	return link(actPath(route), append([]string{"do", verb}, about...)...)
}

func routePage(route string) template.URL { return link(routePath(route) + "/") }

func groupPage(g api.Group) template.URL {
	return link(lettersPath(g.Route), "group", g.Fingerprint)
}

func blockedKeys(route string) template.URL { return link("/keys", "route", route) }

// alarmPage is where one sees what an alarm is about.
func alarmPage(route, reason string) template.URL {
	switch {
	case slices.Contains([]string{"dead_letters", "dead_letter_age"}, reason):
		return link(lettersPath(route))
	case slices.Contains([]string{"parked", "parked_age", "quarantined_keys"}, reason):
		return blockedKeys(route)
	case reason == "open_skips":
		return link("/skips", "route", route)
	}
	return routePage(route) + "#alarms"
}
