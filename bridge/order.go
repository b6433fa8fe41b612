package bridge

import (
	"context"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/policies"
)

// identity is what the checkpoints of a route depend on: with another source,
// key or revision they would mean something else. A Kafka source's group is not
// part of it: another group begins at another place of the same topic, where
// what was settled comes again and is dropped as duplicate.
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

// order is an order as ordering knows it.
func order(by config.By) ordering.Order {
	switch by {
	case config.ByArrival:
		return ordering.ByArrival
	case config.ByNone:
		return ordering.Unordered
	default:
		return ordering.ByRevision
	}
}

// remember is for how long messages are recognised, as ordering knows it.
func remember(d config.Duplicates) time.Duration {
	if d.Off {
		return -1
	}
	return d.Window
}

// duplicateID reads what tells messages apart; nil: their ids.
func duplicateID(d config.Duplicates) ordering.Field {
	if d.ID.IsZero() {
		return nil
	}
	return field(d.ID)
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

// jitter is the part left to chance as policies know it, where 0 stands for the
// default.
func jitter(share float64) float64 {
	if share == 0 {
		return -1
	}
	return share
}

// retryRules are the rules of retry as policies know them.
func retryRules(rules []config.RetryRule) []policies.Rule {
	var all []policies.Rule
	for _, r := range rules {
		rule := policies.Rule{Reason: r.Reason, Attempts: r.Attempts, Initial: r.Initial, Max: r.Max}
		if r.Class == policies.Permanent.String() {
			rule.Class = policies.Permanent
		}
		all = append(all, rule)
	}
	return all
}
