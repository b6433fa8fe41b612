package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	pdb "github.com/cockroachdb/pebble/v2"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// outbox is which events of a route were not sent: those behind sent up to told.
// It belongs to the turn of the route.
type outbox struct{ sent, told uint64 }

// fewEvents are forgotten one by one: a range costs every reader something.
const fewEvents = 256

// putEvents forgets what was sent and appends what is to be.
func (w *work) putEvents(c *store.Change) {
	if sent := min(c.Sent, w.outbox.told); sent > w.outbox.sent {
		w.forgetEvents(w.outbox.sent+1, sent)
		w.outbox.sent = sent
	}
	for i := range c.Events {
		w.outbox.told++
		w.value = rows.AppendEvent(w.value[:0], &c.Events[i])
		w.set(w.eventKey(w.outbox.told), w.value)
	}
	if len(c.Events) > 0 { // a number is not used again when its event was sent
		w.key = rows.AppendRoute(w.key[:0], rows.Told, w.r.number)
		w.value = rows.AppendSeq(w.value[:0], w.outbox.told)
		w.set(w.key, w.value)
	}
	w.ledger.Unsent = int64(w.outbox.told - w.outbox.sent)
}

func (w *work) forgetEvents(first, last uint64) {
	if last-first >= fewEvents {
		from := append([]byte(nil), w.eventKey(first)...)
		_ = w.batch.DeleteRange(from, w.eventKey(last+1), nil)
		return
	}
	for seq := first; seq <= last; seq++ {
		w.delete(w.eventKey(seq))
	}
}

func (w *work) eventKey(seq uint64) []byte {
	w.key = rows.AppendSeq(rows.AppendRoute(w.key[:0], rows.Events, w.r.number), seq)
	return w.key
}

// restoreOutbox finds out which events of a route were not sent.
func (s *Store) restoreOutbox(r *route) error {
	_, err := s.view(rows.AppendRoute(nil, rows.Told, r.number), func(v []byte) error {
		if len(v) != 8 {
			return fmt.Errorf("%w: a number of %d bytes", rows.ErrCorrupt, len(v))
		}
		r.outbox.told = binary.BigEndian.Uint64(v)
		return nil
	})
	if err != nil {
		return err
	}
	r.outbox.sent = r.outbox.told
	prefix := rows.AppendRoute(nil, rows.Events, r.number)
	it, err := s.db.NewIter(&pdb.IterOptions{LowerBound: prefix, UpperBound: rows.End(prefix)})
	if err != nil {
		return err
	}
	if it.First() {
		var first uint64
		first, err = rows.SplitSeq(it.Key())
		r.outbox.sent = first - 1
	}
	return errors.Join(err, it.Error(), it.Close())
}

// Events implements store.Store.
func (s *Store) Events(ctx context.Context, name string, after uint64, limit int) ([]store.Event, error) {
	return landed(ctx, s, name, func(r *route) (es []store.Event, err error) {
		prefix := rows.AppendRoute(nil, rows.Events, r.number)
		from := append(rows.AppendSeq(prefix[:len(prefix):len(prefix)], after), 0)
		err = s.scan(from, rows.End(prefix), func(key, row []byte) (bool, error) {
			e, err := rows.ReadEvent(row)
			if err == nil {
				e.Seq, err = rows.SplitSeq(key)
			}
			if err != nil {
				return false, fmt.Errorf("event %x: %w", key, err)
			}
			es = append(es, e)
			return limit <= 0 || len(es) < limit, nil
		})
		return es, err
	})
}

// lookSkips reads which skipped ranges a change touches, and whether they are open.
func (w *work) lookSkips(c *store.Change) error {
	for i := range c.Skip {
		if err := w.lookSkip(c.Skip[i].From); err != nil {
			return err
		}
	}
	for _, from := range c.Close {
		if err := w.lookSkip(from); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) lookSkip(from lane.Revision) error {
	return w.lookAt(w.skipKey(from), func(v []byte) (is row, err error) {
		skip, err := rows.ReadSkip(v)
		if err != nil {
			return is, err
		}
		is.at = skip.At
		is.open, err = w.s.view(w.openKey(is.at, from), func([]byte) error { return nil })
		return is, err
	})
}

func (w *work) skipKey(from lane.Revision) []byte {
	w.lane[0] = byte(rows.Skips)
	w.key = rows.AppendRevision(append(w.key[:0], w.lane...), from)
	return w.key
}

// openKey is the key of a range in the index of those that are open.
func (w *work) openKey(at time.Time, from lane.Revision) []byte {
	const route = 5 // bytes in front of the lane's name
	return rows.AppendOpenSkip(nil, w.r.number, at, w.lane[route:], from)
}

// putSkips adds skipped ranges, which are open, and closes others.
func (w *work) putSkips(c *store.Change) {
	for i := range c.Skip {
		skip := &c.Skip[i]
		was := w.seen[string(w.skipKey(skip.From))]
		if was.open {
			w.delete(w.openKey(was.at, skip.From))
		} else {
			w.ledger.OpenSkips++
		}
		w.value = rows.AppendSkip(w.value[:0], skip)
		w.set(w.openKey(skip.At, skip.From), w.value)
		w.set(w.skipKey(skip.From), w.value)
		w.seen[string(w.key)] = row{exists: true, open: true, at: skip.At}
	}
	for _, from := range c.Close {
		is := w.seen[string(w.skipKey(from))]
		if !is.open {
			continue
		}
		is.open = false
		w.seen[string(w.key)] = is
		w.ledger.OpenSkips--
		w.delete(w.openKey(is.at, from))
	}
}

// OpenSkips implements store.Store.
func (s *Store) OpenSkips(ctx context.Context, route string, after store.OpenSkip) iter.Seq2[store.OpenSkip, error] {
	return func(yield func(store.OpenSkip, error) bool) {
		r, err := s.route(route)
		if err != nil {
			yield(store.OpenSkip{}, err)
			return
		}
		prefix := rows.AppendRoute(nil, rows.OpenSkips, r.number)
		sp := span{from: prefix, to: rows.End(prefix), size: lanePage}
		if after != (store.OpenSkip{}) {
			const room = 5 // bytes that stand for the route in the key of a lane
			name := rows.AppendLane(nil, rows.Skips, r.number, after.Key.Name, after.Key.Epoch)[room:]
			sp.after(append(rows.AppendOpenSkip(nil, r.number, after.At, name, after.From), 0))
		}
		pages(ctx, s, s.scan, sp, func(key, value []byte) (o store.OpenSkip, ok bool, err error) {
			o.Key.Route = route
			if o.Key.Name, o.Key.Epoch, err = rows.SplitOpenSkip(key); err == nil {
				o.Skip, err = rows.ReadSkip(value)
			}
			if err != nil {
				return o, false, fmt.Errorf("store: open range %x of route %q: %w", key, route, err)
			}
			return o, true, nil
		})(yield)
	}
}
