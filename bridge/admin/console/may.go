package console

import (
	"net/http"
	"slices"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// me is who looks; nobody is known where the API does not say.
func (c *Console) me(r *http.Request) api.Me {
	me, err := c.cfg.API.Me(r.Context())
	if err != nil {
		return api.Me{}
	}
	return me
}

// roles rise.
var roles = []string{"viewer", "operator", "admin"}

// mayNot says why somebody may not do what needs a role; nothing where they may, or
// where that is not known: the API decides it in the end.
func mayNot(me api.Me, role string) string {
	switch {
	case me.ReadOnly:
		return "this bridge takes no changes: admin.read_only is set"
	case me.Role != "" && slices.Index(roles, me.Role) < slices.Index(roles, role):
		return "this needs the role " + role + ", and yours is " + me.Role
	}
	return ""
}

// way is something that one can do from a page.
type way struct {
	Label string
	Href  string
	Kind  string // primary, danger or nothing
	Why   string // it cannot be done
}
