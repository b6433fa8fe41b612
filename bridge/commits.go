package bridge

import "github.com/brokerbridge/bridge/bridge/status"

// Commits is how long the commits of a route to the store took, each of many
// messages, since the process started. False: there is no such route.
func (b *Bridge) Commits(route string) (status.Latency, bool) {
	r := b.route(route)
	if r == nil {
		return status.Latency{}, false
	}
	return r.commits.read(), true
}
