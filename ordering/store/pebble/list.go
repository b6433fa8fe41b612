package pebble

import (
	"context"
	"fmt"
	"iter"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// How many rows a listing reads at once: dead letters may be large. Between
// pages it holds nothing open, so a slow reader keeps no file alive and no
// Close waiting.
const (
	lanePage  = 256
	deadPage  = 16
	briefPage = 1024
)

// span is what is left of a listing: the keys from from to to, size at once, the
// last ones first if it goes back.
type span struct {
	from, to []byte
	size     int
	back     bool
}

// rest moves a span behind a key; nil: nothing is left.
func (sp *span) rest(key []byte) {
	switch {
	case key == nil:
		sp.from = nil
	case sp.back:
		sp.to = key
	default:
		sp.from = append(key, 0)
	}
}

// pages yields what see makes of the rows in a span, page by page.
func pages[T any](ctx context.Context, s *Store, scan scanner, sp span, see func(key, value []byte) (T, bool, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for sp.from != nil {
			page, err := readPage(ctx, s, scan, &sp, see)
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if err != nil {
				yield(none, err)
				return
			}
		}
	}
}

// readPage reads some rows and moves the span behind them; from becomes nil
// behind the last. See may leave a row out.
func readPage[T any](ctx context.Context, s *Store, scan scanner, sp *span, see func(key, value []byte) (T, bool, error)) (page []T, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.calls.end()
	n, next := 0, []byte(nil)
	err = scan(sp.from, sp.to, func(key, value []byte) (bool, error) {
		v, ok, err := see(key, value)
		if err != nil {
			return false, err
		}
		if ok {
			page = append(page, v)
		}
		if n++; n == sp.size {
			next = append([]byte{}, key...)
		}
		return n < sp.size, nil
	})
	sp.rest(next)
	return page, err
}

// Lanes implements store.Store.
func (s *Store) Lanes(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		r, err := s.route(q.Route)
		if err != nil {
			yield(store.Record{}, err)
			return
		}
		scan := s.scan
		if !q.Blocked {
			scan = s.scanRecords(r)
		}
		n, last := 0, ""
		for rec, err := range pages(ctx, s, scan, r.lanes(q), s.seeLane(r, q)) {
			if q.Limit > 0 && n >= q.Limit && rec.Key.Name != last || !yield(rec, err) {
				return
			}
			n, last = n+1, rec.Key.Name
		}
	}
}

// lanes is the span of a query.
func (r *route) lanes(q store.Query) span {
	table := rows.Records
	if q.Blocked {
		table = rows.Blocked
	}
	prefix := rows.AppendRoute(nil, table, r.number)
	sp := span{from: prefix, to: rows.End(prefix), size: lanePage}
	if q.Key != "" {
		sp.from = rows.AppendName(prefix, q.Key)
		sp.to = rows.End(sp.from)
	}
	// Behind After, and be it empty: the empty name is no lane.
	sp.after(rows.End(rows.AppendName(rows.AppendRoute(nil, table, r.number), q.After)))
	return sp
}

// after moves the start of a span up to key.
func (sp *span) after(key []byte) {
	if string(key) > string(sp.from) {
		sp.from = key
	}
	if string(sp.from) >= string(sp.to) {
		sp.from = nil
	}
}

// before moves the end of a span down to key.
func (sp *span) before(key []byte) {
	if string(key) < string(sp.to) {
		sp.to = key
	}
	if string(sp.from) >= string(sp.to) {
		sp.from = nil
	}
}

// seeLane makes records of the rows of Records, or of those that rows of
// Blocked point to.
func (s *Store) seeLane(r *route, q store.Query) func(key, value []byte) (store.Record, bool, error) {
	return func(key, value []byte) (rec store.Record, ok bool, err error) {
		name, epoch, _, err := rows.SplitLane(key)
		if err != nil {
			return rec, false, fmt.Errorf("store: key %x: %w", key, err)
		}
		if q.Blocked { // its record may not be durable yet: then there is none
			_, rec, err = s.record(r, append([]byte{byte(rows.Records)}, key[1:]...))
		} else {
			_, rec, err = rows.ReadRecord(value)
		}
		if err != nil {
			return rec, false, fmt.Errorf("store: lane %q of route %q: %w", name, q.Route, err)
		}
		rec.Key = store.Key{Route: q.Route, Name: name, Epoch: epoch}
		return rec, !q.Blocked || rec.Blocked(), nil
	}
}
