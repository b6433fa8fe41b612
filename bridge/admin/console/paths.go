package console

import (
	"html/template"
	"net/url"
	"slices"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// The pages that others lead to.

func routePage(route string) template.URL { return link("/routes/" + segment(route) + "/") }

func actPage(route, do string) template.URL {
	return link("/routes/"+segment(route)+"/act", "do", do)
}

func groupPage(g api.Group) template.URL {
	return link("/routes/"+segment(g.Route)+"/dead-letters", "group", g.Fingerprint)
}

func blockedKeys(route string) template.URL {
	return link("/keys", "route", route)
}

// alarmPage is where one sees what an alarm is about.
func alarmPage(route, reason string) template.URL {
	switch {
	case slices.Contains([]string{"dead_letters", "dead_letter_age"}, reason):
		return link("/routes/" + segment(route) + "/dead-letters")
	case slices.Contains([]string{"parked", "parked_age", "quarantined_keys"}, reason):
		return blockedKeys(route)
	case reason == "open_skips":
		return link("/skips", "route", route)
	}
	return routePage(route) + "#alarms"
}

func lettersPath(route string) string { return "/routes/" + segment(route) + "/dead-letters" }

func letterPath(route, id string) string { return lettersPath(route) + "/" + segment(id) }

func archivePath(route string) string { return "/routes/" + segment(route) + "/archive" }

func archivedPath(route, id string) string { return archivePath(route) + "/" + segment(id) }

// keyPath is the page of a key. A browser takes "." and ".." in a path for other
// places, however they are escaped, so that these keys are named in the query.
func keyPath(route, key string) string {
	if key == "." || key == ".." {
		return "/routes/" + segment(route) + "/key?" + url.Values{"key": {key}}.Encode()
	}
	return "/routes/" + segment(route) + "/keys/" + segment(key)
}

func operationsPath(route string) string {
	return "/operations?" + url.Values{"route": {route}}.Encode()
}

func operationPath(route, id string) string {
	return "/routes/" + segment(route) + "/operations/" + segment(id)
}
