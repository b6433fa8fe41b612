package pebble

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// DeadLetters implements store.Store.
func (s *Store) DeadLetters(ctx context.Context, q store.Query) iter.Seq2[store.DeadLetter, error] {
	return listLetters(ctx, s, q, deadPage, func(r *route, b *store.Brief) (store.DeadLetter, bool, error) {
		d, ok, err := s.deadLetter(r, b.ID)
		return d, ok && d.At.Equal(b.At), err // one that was written again since has another place
	})
}

// Briefs implements store.Store.
func (s *Store) Briefs(ctx context.Context, q store.Query) iter.Seq2[store.Brief, error] {
	return listLetters(ctx, s, q, briefPage, func(_ *route, b *store.Brief) (store.Brief, bool, error) {
		return *b, true, nil
	})
}

// listLetters yields what see makes of the dead letters that match.
func listLetters[T any](ctx context.Context, s *Store, q store.Query, size int, see func(*route, *store.Brief) (T, bool, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		r, err := s.route(q.Route)
		if err != nil {
			yield(none, err)
			return
		}
		prefix := r.letters(&q)
		match := s.matches(ctx, &q, r, len(prefix))
		scan := s.scan
		if q.Newest {
			scan = s.scanBack
		}
		n := 0
		for v, err := range pages(ctx, s, scan, placesIn(prefix, &q, size), func(key, value []byte) (T, bool, error) {
			b, ok, err := match(key, value)
			if err != nil || !ok {
				return none, false, err
			}
			return see(r, &b)
		}) {
			if !yield(v, err) {
				return
			}
			if n++; n == q.Limit {
				return
			}
		}
	}
}

// letters is what the keys of a query for dead letters start with, before their
// places: those of the index that has the fewest of them.
func (r *route) letters(q *store.Query) []byte {
	group, ok := rows.ParseFingerprint(q.Group)
	switch {
	case q.Unmirrored:
		return rows.AppendRoute(nil, rows.Unmirrored, r.number)
	case q.Key != "":
		return rows.AppendName(rows.AppendRoute(nil, rows.DeadByName, r.number), q.Key)
	case ok:
		return append(rows.AppendRoute(nil, rows.DeadByGroup, r.number), group[:]...)
	}
	return rows.AppendRoute(nil, rows.DeadByTime, r.number)
}

// placesIn is the span of a query within an index.
func placesIn(prefix []byte, q *store.Query, size int) span {
	prefix = prefix[:len(prefix):len(prefix)]
	sp := span{prefix, rows.End(prefix), size, q.Newest}
	if sorts(q.Until) {
		sp.to = rows.AppendTime(prefix, q.Until)
	}
	if sorts(q.Since) {
		sp.after(rows.AppendTime(prefix, q.Since))
	}
	if sp.from == nil {
		return sp
	}
	after, ok := rows.ParsePlace(prefix, q.After)
	switch {
	case ok && q.Newest:
		sp.before(after)
	case ok:
		sp.after(append(after, 0))
	}
	return sp
}

// sorts reports whether a time has its place in a key; one that has not bounds
// nothing there.
func sorts(t time.Time) bool { return t.Year() > 1678 && t.Year() < 2262 }

// matches makes briefs of the rows of an index, of those that match: durable ones
// where the query wants them so.
func (s *Store) matches(ctx context.Context, q *store.Query, r *route, prefix int) func(key, value []byte) (store.Brief, bool, error) {
	_, placed := rows.ParsePlace(nil, q.After)
	return func(key, value []byte) (b store.Brief, ok bool, err error) {
		const at = 8 // bytes
		if len(key) < prefix+at {
			return b, false, fmt.Errorf("%w: a dead letter without a place, key %x", rows.ErrCorrupt, key)
		}
		if b, err = rows.ReadBrief(value); err != nil {
			return b, false, fmt.Errorf("store: dead letter %q of route %q: %w", key[prefix+at:], q.Route, err)
		}
		b.ID = string(key[prefix+at:])
		switch {
		case q.Key != "" && q.Key != b.Key, q.Group != "" && q.Group != b.Fingerprint,
			!q.Since.IsZero() && b.At.Before(q.Since), !q.Until.IsZero() && !b.At.Before(q.Until),
			!placed && !q.Behind(b.Place()):
			return b, false, nil
		case q.Unmirrored:
			return b, true, s.awaitLanded(ctx, r)
		}
		return b, true, nil
	}
}

func (s *Store) deadLetter(r *route, id string) (store.DeadLetter, bool, error) {
	key := append(rows.AppendRoute(nil, rows.Dead, r.number), id...)
	value, ok, err := s.get(key)
	if err != nil || !ok {
		return store.DeadLetter{}, false, err
	}
	d, _, err := readDead(r, id, value)
	if err == nil && d.Fingerprint == "" {
		var f rows.Fingerprint
		f, err = s.fingerprint(r, d.At, id)
		d.Fingerprint = f.String()
	}
	return d, err == nil, err
}

// readDead reads a row of Dead. That of an old one has no fingerprint.
func readDead(r *route, id string, value []byte) (store.DeadLetter, bool, error) {
	d, err := rows.ReadDead(value)
	if err != nil {
		return store.DeadLetter{}, false, fmt.Errorf("store: dead letter %q of route %q: %w", id, r.identity.Route, err)
	}
	d.Route, d.ID = r.identity.Route, id
	return d, true, nil
}

// fingerprint reads what a dead letter was given when its store was brought to
// format 5, which did not write its row again.
func (s *Store) fingerprint(r *route, at time.Time, id string) (f rows.Fingerprint, err error) {
	key := rows.AppendPlace(rows.AppendRoute(nil, rows.DeadByTime, r.number), at, id)
	_, err = s.view(key, func(v []byte) error {
		b, err := rows.ReadBrief(v)
		f, _ = rows.ParseFingerprint(b.Fingerprint)
		return err
	})
	return f, err
}

// DeadLetter implements store.Store.
func (s *Store) DeadLetter(ctx context.Context, route, id string) (store.DeadLetter, error) {
	r, err := s.beginRoute(ctx, route)
	if err != nil {
		return store.DeadLetter{}, err
	}
	defer s.calls.end()
	d, ok, err := s.deadLetter(r, id)
	if err == nil && !ok {
		err = fmt.Errorf("%w: dead letter %q of route %q", store.ErrNotFound, id, route)
	}
	return d, err
}
