package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/store"
)

// audits lists what operators did, oldest first: page by page, or the last few. Those
// go on only where there was too much to look through.
func (s *Server) audits(w http.ResponseWriter, r *http.Request) {
	q, err := auditQueryOf(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	page := api.Page[api.Audit]{Items: []api.Audit{}}
	behind, err := s.someAudits(r.Context(), q, &page)
	if err != nil {
		s.failed(w, err)
		return
	}
	if full := len(page.Items) >= q.Limit; behind > 0 && !(q.Newest && full) {
		page.Next = nextBy(r, q.goesOn(), strconv.FormatUint(behind, 10))
	}
	if q.Newest {
		slices.Reverse(page.Items)
	}
	answer(w, http.StatusOK, page)
}

// someAudits adds entries to a page, and says at which one it has ended; 0: there are
// no more. Only what is of a route and a key has an index; of the rest it looks at
// each.
func (s *Server) someAudits(ctx context.Context, q auditQuery, page *api.Page[api.Audit]) (behind uint64, err error) {
	if q.Key == "" || q.Route == "" {
		q.AuditQuery.Route, q.AuditQuery.Key = "", ""
	}
	most, began := q.Limit, time.Now()
	q.Limit = 0 // how many have to be looked at is not known
	for a, err := range s.cfg.Store.Audits(ctx, q.AuditQuery) {
		switch {
		case errors.Is(err, store.ErrNotFound): // the route has stored nothing yet
			return 0, nil
		case err != nil:
			return 0, err
		case len(page.Items) >= most || time.Since(began) > lookTime:
			return behind, nil
		}
		if behind = a.Seq; (q.route == "" || q.route == a.Route) && (q.key == "" || q.key == a.Key) {
			page.Items = append(page.Items, audit(&a))
		}
	}
	return 0, nil
}

// auditQuery selects entries of the audit.
type auditQuery struct {
	store.AuditQuery
	route, key string
}

// goesOn is the parameter of a query by which the next page goes on.
func (q *auditQuery) goesOn() string {
	if q.Newest {
		return "before"
	}
	return "after"
}

// auditQueryOf reads what was asked for: after with limit, or the last few. A route
// that the topology no longer has is as good as any.
func auditQueryOf(r *http.Request) (q auditQuery, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, bad("the query cannot be read: escape values as %XX")
	}
	q.AuditQuery = store.AuditQuery{Route: values.Get("route"), Key: values.Get("key"), Limit: defaultLimit}
	for name, n := range map[string]*uint64{"after": &q.After, "before": &q.Before} {
		if text := values.Get(name); text != "" {
			if *n, err = strconv.ParseUint(text, 10, 64); err != nil {
				return q, bad(name + " must be the number of an entry")
			}
		}
	}
	for _, name := range []string{"limit", "last"} {
		if text := values.Get(name); text != "" {
			if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > maxLimit {
				return q, bad(fmt.Sprintf("%s must be a number from 1 to %d", name, maxLimit))
			}
			q.Newest = name == "last"
		}
	}
	q.route, q.key = q.Route, q.Key
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
