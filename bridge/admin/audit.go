package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/store"
)

// audits lists what operators did, oldest first: page by page, or the last few.
func (s *Server) audits(w http.ResponseWriter, r *http.Request) {
	q, err := auditQueryOf(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	page := api.Page[api.Audit]{Items: []api.Audit{}}
	for a, err := range s.cfg.Store.Audits(r.Context(), q.AuditQuery) {
		if errors.Is(err, store.ErrNotFound) || err == nil && q.before > 0 && a.Seq >= q.before {
			break // the route has stored nothing yet, or what follows is too new
		}
		if err != nil {
			s.failed(w, err)
			return
		}
		page.Items = append(page.Items, audit(&a))
		if q.last > 0 && len(page.Items) >= 2*q.last {
			page.Items = append(page.Items[:0], page.Items[len(page.Items)-q.last:]...)
		}
	}
	if n := len(page.Items); q.last > 0 && n > q.last {
		page.Items = page.Items[n-q.last:]
	} else if q.last == 0 && n >= q.Limit {
		page.Next = next(r, strconv.FormatUint(page.Items[n-1].Seq, 10))
	}
	answer(w, http.StatusOK, page)
}

// auditQuery selects entries of the audit.
type auditQuery struct {
	store.AuditQuery
	last   int    // only the newest so many; 0: all
	before uint64 // only what was done before this entry; 0: all
}

// auditQueryOf reads what was asked for: after with limit, or the last few. A route
// that the topology no longer has is as good as any.
func auditQueryOf(r *http.Request) (q auditQuery, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, bad("the query cannot be read: escape values as %XX")
	}
	q.AuditQuery = store.AuditQuery{Route: values.Get("route"), Key: values.Get("key"), Limit: defaultLimit}
	for name, n := range map[string]*uint64{"after": &q.After, "before": &q.before} {
		if text := values.Get(name); text != "" {
			if *n, err = strconv.ParseUint(text, 10, 64); err != nil {
				return q, bad(name + " must be the number of an entry")
			}
		}
	}
	for name, n := range map[string]*int{"limit": &q.Limit, "last": &q.last} {
		if text := values.Get(name); text != "" {
			if *n, err = strconv.Atoi(text); err != nil || *n < 1 || *n > maxLimit {
				return q, bad(fmt.Sprintf("%s must be a number from 1 to %d", name, maxLimit))
			}
		}
	}
	if q.last > 0 {
		q.Limit = 0
	}
	return q, nil
}

func audit(a *store.Audit) api.Audit {
	return api.Audit{
		Seq: a.Seq, At: a.At, Route: a.Route, By: a.By, Action: a.Action,
		KeyName: api.NewKeyName(a.Key), Epoch: a.Epoch, Target: a.Target, Reason: a.Reason, Count: a.Count,
	}
}

// verify follows the chain of the audit. With ?expect=SEQ:HASH it also looks for a
// row that somebody has noted elsewhere: who owns the files could write a whole
// chain anew, but not to end in that hash.
func (s *Server) verify(w http.ResponseWriter, r *http.Request) {
	expect := r.URL.Query().Get("expect")
	found := expect == ""
	ctx, cancel := patiently(w, r)
	defer cancel()
	rows := func(yield func(store.Audit, error) bool) {
		for a, err := range s.cfg.Store.Audits(ctx, store.AuditQuery{}) {
			found = found || err == nil && expect == anchor(a.Seq, a.Hash)
			if !yield(a, err) {
				return
			}
		}
	}
	seq, head, err := store.VerifyAudits(rows)
	out := api.AuditCheck{Rows: seq}
	if seq > 0 {
		out.Head = anchor(seq, head)
	}
	last, hash, headErr := s.cfg.Store.AuditHead(ctx)
	switch {
	case ctx.Err() != nil: // which says nothing of the audit
		s.failed(w, ctx.Err())
		return
	case err != nil:
		out.Says = strings.TrimPrefix(err.Error(), "store: ")
	case headErr != nil:
		s.failed(w, headErr)
		return
	case last > seq || last == seq && hash != head:
		out.Says = fmt.Sprintf("the last row was %s, and it is not there", anchor(last, hash))
	case !found:
		out.Says = expect + " is not in the audit"
	default:
		out.Good = true
	}
	answer(w, http.StatusOK, out)
}

// anchor names a row and all before it.
func anchor(seq uint64, hash store.AuditHash) string {
	return fmt.Sprintf("%d:%x", seq, hash)
}
