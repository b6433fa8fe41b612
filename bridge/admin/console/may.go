package console

import (
	"net/http"

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

// way is something that one can do from a page.
type way struct {
	Label string
	Href  string
	Kind  string // primary, danger or nothing
	Why   string // it cannot be done
}
