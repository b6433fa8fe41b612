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

// auditHead is the number and the hash of the last audit row.
type auditHead struct {
	seq  uint64
	hash store.AuditHash
}

// putAudit appends what an operator did.
func (w *work) putAudit(c *store.Change) {
	for i := range c.Audit {
		a := c.Audit[i]
		a.Route = c.Key.Route
		w.audited.next(&a)
		w.value = rows.AppendAudit(w.value[:0], &a)
		w.key = rows.AppendSeq(append(w.key[:0], byte(rows.Audits)), a.Seq)
		w.set(w.key, w.value)
		w.key = rows.AppendName(rows.AppendRoute(w.key[:0], rows.AuditByKey, w.r.number), a.Key)
		w.key = rows.AppendSeq(w.key, a.Seq)
		w.set(w.key, nil)
	}
	if len(c.Audit) > 0 {
		w.value = rows.AppendAuditHead(w.value[:0], w.audited.seq, w.audited.hash)
		w.set(metaKey(auditedRow), w.value)
	}
}

// next makes a row the one behind h.
func (h *auditHead) next(a *store.Audit) {
	a.Seq = h.seq + 1
	a.Hash = a.Sum(h.hash)
	h.seq, h.hash = a.Seq, a.Hash
}

// auditedRow of Meta holds the last number and hash once more: that shows when
// rows are cut off at the end.
const auditedRow = "audited"

// AuditHead implements store.Store.
func (s *Store) AuditHead(ctx context.Context) (seq uint64, hash store.AuditHash, err error) {
	if err := ctx.Err(); err != nil {
		return 0, hash, err
	}
	if err := s.begin(); err != nil {
		return 0, hash, err
	}
	defer s.calls.end()
	h, err := s.auditHead()
	return h.seq, h.hash, err
}

func (s *Store) auditHead() (h auditHead, err error) {
	_, err = s.view(metaKey(auditedRow), func(v []byte) (err error) {
		h.seq, h.hash, err = rows.ReadAuditHead(v)
		return err
	})
	if err != nil {
		return h, fmt.Errorf("store: the last audit row: %w", err)
	}
	return h, nil
}

// lastAudit is what the next audit row goes behind: what Meta says, so that a row
// that was cut off stays missing, unless there are more.
func (s *Store) lastAudit() (h auditHead, err error) {
	if h, err = s.auditHead(); err != nil {
		return h, err
	}
	prefix := []byte{byte(rows.Audits)}
	it, err := s.db.NewIter(&pdb.IterOptions{LowerBound: prefix, UpperBound: rows.End(prefix)})
	if err != nil {
		return h, err
	}
	if it.Last() {
		var seq uint64
		var a store.Audit
		if seq, err = rows.SplitSeq(it.Key()); err == nil && seq > h.seq {
			a, err = rows.ReadAudit(it.Value())
			h = auditHead{seq, a.Hash}
		}
	}
	return h, errors.Join(err, it.Error(), it.Close())
}

// Audits implements store.Store.
func (s *Store) Audits(ctx context.Context, q store.AuditQuery) iter.Seq2[store.Audit, error] {
	return func(yield func(store.Audit, error) bool) {
		prefix, err := s.audits(q)
		if err != nil {
			yield(store.Audit{}, err)
			return
		}
		prefix = prefix[:len(prefix):len(prefix)]
		sp := span{prefix, rows.End(prefix), auditPage, q.Newest}
		if q.Before > 0 {
			sp.to = rows.AppendSeq(prefix, q.Before)
		}
		sp.after(append(rows.AppendSeq(prefix, q.After), 0))
		scan := s.scan
		if q.Newest {
			scan = s.scanBack
		}
		n := 0
		for a, err := range pages(ctx, s, scan, sp, s.seeAudit(q)) {
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
