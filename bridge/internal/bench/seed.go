package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	watermillmessage "github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// seeded is a store as the bridge leaves it that has delivered the first revision
// of each key, and the name of the source that it knows: it takes no other.
type seeded struct{ dir, source string }

// seed makes the store for a kind of source, once.
func (s *stage) seed(ctx context.Context, p plan, k kind) (known seeded, err error) {
	if known, there := s.seeds[k]; there {
		return known, nil
	}
	began := time.Now()
	name := newName()
	known = seeded{filepath.Join(s.dir, name+"-seed"), name + "-from"}
	st, err := pebble.Open(known.dir, pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return known, err
	}
	size, err := fillStore(ctx, st, p, identityOf(s.end(k, known.source), k))
	if err = errors.Join(err, st.Close()); err != nil {
		return known, fmt.Errorf("seed the store: %w", err)
	}
	fmt.Printf("%d lanes in a store of %d MiB after %.0f s\n", p.Lanes, size>>20, time.Since(began).Seconds())
	s.seeds[k] = known
	return known, nil
}

// identityOf is what the bridge's route asks of its store.
func identityOf(from end, k kind) store.Identity {
	brokers := map[kind]string{rabbitMQ: "shop", kafka: "lake"}
	return store.Identity{
		Route: routeName, Source: brokers[k] + " " + from.called(),
		By: "revision", Key: from.key(), Revision: "header." + load.RevisionHeader,
	}
}

// fillStore commits all lanes, in no order of their names, as many at once as the
// bridge does, and returns how large the store is when it has come to rest.
func fillStore(ctx context.Context, st store.Store, p plan, id store.Identity) (int64, error) {
	if _, err := st.Open(ctx, id); err != nil {
		return 0, err
	}
	const atOnce = 4096
	changes := make([]store.Change, 0, atOnce)
	for i := range p.Lanes {
		key := scattered(i, p.Lanes)
		first := load.Message{Number: key, Size: p.Size}
		changes = append(changes, store.Change{
			Key:    store.Key{Route: id.Route, Name: keyName(key)},
			Record: &store.Record{State: settled(first.Body())},
			Ledger: store.Ledger{Delivered: 1},
		})
		if len(changes) < atOnce && i+1 < p.Lanes {
			continue
		}
		if err := errors.Join(st.Commit(ctx, changes...)...); err != nil {
			return 0, err
		}
		changes = changes[:0]
	}
	return atRest(ctx, st)
}

// settled is the state of a lane that has delivered its first revision, as the
// lane itself says.
func settled(body []byte) lane.State {
	rules := lane.Rules{First: 1, MaxJump: 1, MaxAhead: 1, MaxHeld: 1}
	l := lane.New(&rules, lane.Fresh(&rules))
	first := ordering.Body(watermillmessage.NewMessage("", body))
	l.Step(nil, lane.Event{Kind: lane.Arrive, Rev: 1, Print: first})
	l.Step(nil, lane.Event{Kind: lane.Confirmed, Rev: 1})
	return l.State
}

// atRest waits until the store has not changed its size for a while: it tidies up
// behind the commits, and the bridge is not to pay for that.
func atRest(ctx context.Context, st store.Store) (int64, error) {
	last, same := int64(-1), 0
	for same < 10 {
		now, err := st.Stats(ctx)
		if err != nil {
			return 0, err
		}
		if same++; now.Bytes != last {
			last, same = now.Bytes, 0
		}
		select {
		case <-time.After(2 * lookEvery):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return last, nil
}

// linkStore copies a store. Pebble never writes to a table again, so that tables
// are shared.
func linkStore(from, to string) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		put := rewrite
		if strings.HasSuffix(f.Name(), ".sst") {
			put = os.Link
		}
		if err := put(filepath.Join(from, f.Name()), filepath.Join(to, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// rewrite copies a file that is read whole: none but the tables is large.
func rewrite(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}
