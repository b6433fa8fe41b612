package pebble

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// How many rows a listing reads at once: dead letters may be large. Between
// pages it holds nothing open, so a slow reader keeps no file alive and no
// Close waiting.
const (
	lanePage = 256
	deadPage = 16
)

// span is what is left of a listing: the keys from from to to, size at once.
type span struct {
	from, to []byte
	size     int
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
			next = append(append(next, key...), 0)
		}
		return n < sp.size, nil
	})
	sp.from = next
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
	sp := span{prefix, rows.End(prefix), lanePage}
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

// DeadLetters implements store.Store.
func (s *Store) DeadLetters(ctx context.Context, q store.Query) iter.Seq2[store.DeadLetter, error] {
	return func(yield func(store.DeadLetter, error) bool) {
		r, err := s.route(q.Route)
		if err != nil {
			yield(store.DeadLetter{}, err)
			return
		}
		prefix := r.dead(q)
		see := s.seeDead(q, r, len(prefix))
		if q.Unmirrored {
			prefix = rows.AppendRoute(nil, rows.Unmirrored, r.number)
			see = s.seeUnmirrored(ctx, q, r)
		}
		sp := span{prefix, rows.End(prefix), deadPage}
		if q.After != "" {
			sp.after(slices.Concat(prefix, []byte(q.After), []byte{0}))
		}
		n := 0
		for d, err := range pages(ctx, s, s.scan, sp, see) {
			if !yield(d, err) {
				return
			}
			if n++; n == q.Limit {
				return
			}
		}
	}
}

// dead is what the keys of a query for dead letters start with, before the id.
func (r *route) dead(q store.Query) []byte {
	if q.Key == "" {
		return rows.AppendRoute(nil, rows.Dead, r.number)
	}
	return rows.AppendName(rows.AppendRoute(nil, rows.DeadByName, r.number), q.Key)
}

// seeDead makes dead letters of the rows of Dead, or of those that rows of
// DeadByName point to.
func (s *Store) seeDead(q store.Query, r *route, prefix int) func(key, value []byte) (store.DeadLetter, bool, error) {
	return func(key, value []byte) (d store.DeadLetter, ok bool, err error) {
		id := string(key[prefix:])
		if q.Key != "" {
			return s.deadLetter(r, id)
		}
		return readDead(r, id, value)
	}
}

// seeUnmirrored makes dead letters of the rows of Unmirrored, durable ones only.
func (s *Store) seeUnmirrored(ctx context.Context, q store.Query, r *route) func(key, value []byte) (store.DeadLetter, bool, error) {
	return func(key, _ []byte) (store.DeadLetter, bool, error) {
		d, ok, err := s.deadLetter(r, string(key[len(rows.AppendRoute(nil, rows.Unmirrored, 0)):]))
		if err != nil || !ok || q.Key != "" && q.Key != d.Key {
			return d, false, err
		}
		return d, true, s.awaitLanded(ctx, r)
	}
}

func readDead(r *route, id string, value []byte) (store.DeadLetter, bool, error) {
	d, err := rows.ReadDead(value)
	if err != nil {
		return store.DeadLetter{}, false, fmt.Errorf("store: dead letter %q of route %q: %w", id, r.identity.Route, err)
	}
	d.Route, d.ID = r.identity.Route, id
	return d, true, nil
}

func (s *Store) deadLetter(r *route, id string) (store.DeadLetter, bool, error) {
	key := append(rows.AppendRoute(nil, rows.Dead, r.number), id...)
	value, ok, err := s.get(key)
	if err != nil || !ok {
		return store.DeadLetter{}, false, err
	}
	return readDead(r, id, value)
}

// DeadLetter implements store.Store.
func (s *Store) DeadLetter(ctx context.Context, route, id string) (store.DeadLetter, error) {
	if err := ctx.Err(); err != nil {
		return store.DeadLetter{}, err
	}
	if err := s.begin(); err != nil {
		return store.DeadLetter{}, err
	}
	defer s.calls.end()
	r, err := s.route(route)
	if err != nil {
		return store.DeadLetter{}, err
	}
	d, ok, err := s.deadLetter(r, id)
	if err == nil && !ok {
		err = fmt.Errorf("%w: dead letter %q of route %q", store.ErrNotFound, id, route)
	}
	return d, err
}
