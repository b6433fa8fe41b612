package bridge

import (
	"context"
	"strings"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// identity is what the checkpoints of a route depend on: with another source,
// key or revision they would mean something else.
func identity(r config.Route) store.Identity {
	var sources, key []string
	for _, f := range r.From {
		sources = append(sources, f.Broker+" "+f.Name())
	}
	for _, f := range r.Order.Key {
		key = append(key, f.String())
	}
	return store.Identity{
		Route: r.Name, Source: strings.Join(sources, ", "),
		By: string(r.Order.By), Key: strings.Join(key, ", "), Revision: r.Order.Revision.String(),
	}
}

// resolve is a policy as lanes know it.
func resolve(t config.Then) lane.Resolve {
	switch t {
	case config.Wait:
		return lane.Wait
	case config.Skip:
		return lane.Skip
	case config.Continue:
		return lane.Continue
	case config.Stop:
		return lane.Stop
	default:
		return lane.Quarantine
	}
}

// window is how many messages the sources hand out together.
func window(r config.Route) int {
	n := 0
	for _, f := range r.From {
		n += f.Window
	}
	return n
}

// lag is what waits in all sources together.
func lag(sources []broker.Source) func(context.Context) (int64, error) {
	return func(ctx context.Context) (int64, error) {
		var sum int64
		for _, s := range sources {
			n, err := s.Lag(ctx)
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}
}

// pause stops all sources, or lets them go on.
func pause(sources []broker.Source) func(bool) {
	return func(on bool) {
		for _, s := range sources {
			if on {
				s.Pause()
			} else {
				s.Resume()
			}
		}
	}
}

// jitter is the part left to chance as policies know it, where 0 stands for the
// default.
func jitter(share float64) float64 {
	if share == 0 {
		return -1
	}
	return share
}
