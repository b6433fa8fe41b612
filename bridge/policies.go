package bridge

import (
	"github.com/brokerbridge/bridge/bridge/admin/api"
	settings "github.com/brokerbridge/bridge/bridge/config/words"
)

// Policies are what a route was told to do, in words; none where there is no such
// route.
func (b *Bridge) Policies(route string) []api.Policy {
	r := b.route(route)
	if r == nil {
		return nil
	}
	var all []api.Policy
	for _, p := range settings.Of(r.cfg) {
		all = append(all, api.Policy{Name: p.Name, Says: p.Says})
	}
	return all
}
