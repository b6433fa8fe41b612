package bridge

import (
	"context"
	"fmt"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/store"
)

// positions keeps those of one route in the store.
type positions struct {
	store store.Store
	route string
}

var _ broker.Positions = positions{}

// positions is where the route's sources keep theirs. Without an order other
// instances may read as well, and what one of them knows says nothing.
func (r *route) positions() broker.Positions {
	if r.cfg.Order.By == config.ByNone {
		return nil
	}
	return positions{r.bridge.store, r.cfg.Name}
}

// Load implements broker.Positions.
func (p positions) Load(ctx context.Context) ([]broker.Position, error) {
	stored, err := p.store.Positions(ctx, p.route)
	if err != nil {
		return nil, fmt.Errorf("load the positions of route %q: %w", p.route, err)
	}
	all := make([]broker.Position, len(stored))
	for i, s := range stored {
		all[i] = broker.Position(s)
	}
	return all, nil
}

// Save implements broker.Positions.
func (p positions) Save(ctx context.Context, ps ...broker.Position) error {
	rows := make([]store.Position, len(ps))
	for i, b := range ps {
		rows[i] = store.Position(b)
	}
	if err := p.store.SavePositions(ctx, p.route, rows...); err != nil {
		return fmt.Errorf("save the positions of route %q: %w", p.route, err)
	}
	return nil
}

// register makes the route known to the store, before its sources ask for their
// positions, and records that whoever started the bridge accepts their offsets.
func (r *route) register(ctx context.Context) error {
	if _, err := r.bridge.store.Open(ctx, identity(r.cfg)); err != nil {
		return fmt.Errorf("open route %q in the store: %w", r.cfg.Name, err)
	}
	if !r.accepted {
		return nil
	}
	err := r.audit(ctx, "accept_offset", api.Change{By: "run", Reason: "run --accept-offset"})
	if err != nil {
		return fmt.Errorf("record that the offsets of route %q are accepted: %w", r.cfg.Name, err)
	}
	r.accepted = false
	r.accept.Store(true)
	return nil
}
