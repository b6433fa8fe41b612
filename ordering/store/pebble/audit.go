package pebble

import (
	"context"
	"errors"
	"fmt"
	"iter"

	pdb "github.com/cockroachdb/pebble/v2"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

const auditPage = 256

// putAudit appends what an operator did.
func (w *work) putAudit(c *store.Change) {
	for i := range c.Audit {
		a := c.Audit[i]
		a.Route = c.Key.Route
		w.audited++
		w.value = rows.AppendAudit(w.value[:0], &a)
		w.key = rows.AppendSeq(append(w.key[:0], byte(rows.Audits)), w.audited)
		w.set(w.key, w.value)
		w.key = rows.AppendName(rows.AppendRoute(w.key[:0], rows.AuditByKey, w.r.number), a.Key)
		w.key = rows.AppendSeq(w.key, w.audited)
		w.set(w.key, nil)
	}
}

// lastAudit returns the number of the last audit row.
func (s *Store) lastAudit() (seq uint64, err error) {
	prefix := []byte{byte(rows.Audits)}
	it, err := s.db.NewIter(&pdb.IterOptions{LowerBound: prefix, UpperBound: rows.End(prefix)})
	if err != nil {
		return 0, err
	}
	if it.Last() {
		seq, err = rows.SplitSeq(it.Key())
	}
	return seq, errors.Join(err, it.Error(), it.Close())
}

// Audits implements store.Store.
func (s *Store) Audits(ctx context.Context, q store.AuditQuery) iter.Seq2[store.Audit, error] {
	return func(yield func(store.Audit, error) bool) {
		prefix, err := s.audits(q)
		if err != nil {
			yield(store.Audit{}, err)
			return
		}
		sp := span{prefix, rows.End(prefix), auditPage}
		sp.after(append(rows.AppendSeq(prefix[:len(prefix):len(prefix)], q.After), 0))
		n := 0
		for a, err := range pages(ctx, s, s.scan, sp, s.seeAudit(q)) {
			if !yield(a, err) {
				return
			}
			if n++; n == q.Limit {
				return
			}
		}
	}
}

// audits is what the keys of a query start with, before the number.
func (s *Store) audits(q store.AuditQuery) ([]byte, error) {
	all := []byte{byte(rows.Audits)}
	if q.Route == "" {
		return all, nil
	}
	r, err := s.route(q.Route)
	if err != nil || q.Key == "" {
		return all, err
	}
	return rows.AppendName(rows.AppendRoute(nil, rows.AuditByKey, r.number), q.Key), nil
}

// seeAudit makes audit rows of the rows of Audits, or of those that rows of
// AuditByKey point to.
func (s *Store) seeAudit(q store.AuditQuery) func(key, value []byte) (store.Audit, bool, error) {
	return func(key, value []byte) (a store.Audit, ok bool, err error) {
		seq, err := rows.SplitSeq(key)
		if err == nil && rows.Table(key[0]) == rows.AuditByKey {
			value, _, err = s.get(rows.AppendSeq([]byte{byte(rows.Audits)}, seq))
		}
		if err == nil {
			a, err = rows.ReadAudit(value)
		}
		if err != nil {
			return a, false, fmt.Errorf("store: audit row %d: %w", seq, err)
		}
		a.Seq = seq
		return a, (q.Route == "" || a.Route == q.Route) && (q.Key == "" || a.Key == q.Key), nil
	}
}
