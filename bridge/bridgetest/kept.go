package bridgetest

import (
	"context"
	"errors"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// kept is what need not arrive.
type kept struct {
	gone   map[ordering.ID]bool // dead letters, and what a test excuses
	parked map[ordering.ID]bool // in lanes that stand
	skips  map[store.Key][]store.Skip
}

// excuses reports whether a lane may go on without a revision.
func (k *kept) excuses(l store.Key, r lane.Revision) bool {
	for _, s := range k.skips[l] {
		if s.From <= r && r <= s.To {
			return true
		}
	}
	return k.gone[idOf(l, r)]
}

// has reports whether a revision may be missing at the target.
func (k *kept) has(l store.Key, r lane.Revision) bool {
	return k.parked[idOf(l, r)] || k.excuses(l, r)
}

// kept reads the store, if there is one. A route that it does not know yet has
// nothing there.
func (t *Target) kept(ctx context.Context, fates map[ordering.ID]fate) (kept, error) {
	k := kept{gone: map[ordering.ID]bool{}, parked: map[ordering.ID]bool{}, skips: map[store.Key][]store.Skip{}}
	if t.rules.Store == nil {
		return k, nil
	}
	err := k.readDead(ctx, t.rules)
	if err == nil {
		err = k.readLanes(ctx, t.rules, fates)
	}
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return k, err
}

func (k *kept) readDead(ctx context.Context, rules Rules) error {
	for d, err := range rules.Store.DeadLetters(ctx, store.Query{Route: rules.Route}) {
		if err != nil {
			return err
		}
		k.gone[ordering.ID{Key: d.Key, Epoch: d.Epoch, Revision: d.Rev}] = true
	}
	return nil
}

// readLanes reads the lanes, and only then what is in them: a store may be locked
// while it yields.
func (k *kept) readLanes(ctx context.Context, rules Rules, fates map[ordering.ID]fate) error {
	var recs []store.Record
	for rec, err := range rules.Store.Lanes(ctx, store.Query{Route: rules.Route}) {
		if err != nil {
			return err
		}
		recs = append(recs, rec)
	}
	for i := range recs {
		if err := k.readLane(ctx, rules.Store, &recs[i], fates); err != nil {
			return err
		}
	}
	return nil
}

func (k *kept) readLane(ctx context.Context, s store.Store, rec *store.Record, fates map[ordering.ID]fate) (err error) {
	if rec.State.Skips > 0 {
		if k.skips[rec.Key], err = s.Skips(ctx, rec.Key); err != nil {
			return err
		}
	}
	if rec.State.Parked > 0 && k.stands(rec, fates) {
		ms, err := s.Parked(ctx, rec.Key, 0, 0)
		if err != nil {
			return err
		}
		for _, m := range ms {
			k.parked[idOf(rec.Key, m.Rev)] = true
		}
	}
	if !rec.Due.IsZero() { // it is being redriven, or tried again
		delete(k.gone, idOf(rec.Key, rec.State.Next))
	}
	return nil
}

// stands reports whether a lane waits for a person, or for what is dropped: what
// it has parked does not move by itself.
func (k *kept) stands(rec *store.Record, fates map[ordering.ID]fate) bool {
	next := idOf(rec.Key, rec.State.Next)
	return rec.Due.IsZero() && next.Revision >= 0 && (k.gone[next] || !fates[next].sent)
}
