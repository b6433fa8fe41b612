package console

import (
	"html/template"
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
