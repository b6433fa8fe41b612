package main

import "context"

// rawAndPeers is the case that needs no name: what the bridge costs beside a loop
// that promises nothing, and what others do.
func rawAndPeers(_ context.Context, s *stage, _ plan, way direction) ([]contender, error) {
	return contenders(way, s.peers), s.prepare([]direction{way}, s.peers)
}

// farAway is ten times as many messages as the window lets in by default: those
// in between are parked, there is no room for them elsewhere.
const farAway = 20_000

// displaced is what it costs to bring messages in order. Their keys are drawn:
// where they take turns, a key's next message is further away than 200 places.
func displaced(context.Context, *stage, plan, direction) ([]contender, error) {
	away := func(places int, repeated float64) func(plan) plan {
		return func(p plan) plan {
			p.Draw, p.Displaced, p.Repeated = uniform, places, repeated
			return p
		}
	}
	return []contender{
		bridgeAs("in order", away(0, 0)),
		bridgeAs("displaced 200", away(200, 0.01)),
		bridgeAs("displaced 20000", away(farAway, 0)),
	}, nil
}

// fewKeys is what it costs that a key's messages wait for one another.
func fewKeys(context.Context, *stage, plan, direction) ([]contender, error) {
	with := func(name string, probe, keys int) contender {
		c := bridgeAs(name, func(p plan) plan { p.Keys = keys; return p })
		c.probe = probe
		return c
	}
	return []contender{with("1000 keys", 60_000, 1000), with("20 keys", 20_000, 20), with("one key", 5000, 1)}, nil
}
