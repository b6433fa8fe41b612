package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/store"
)

// audits lists what operators did, oldest first: page by page, or the last few.
func (s *Server) audits(w http.ResponseWriter, r *http.Request) {
	q, last, err := s.auditQuery(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	page := api.Page[api.Audit]{Items: []api.Audit{}}
	for a, err := range s.cfg.Store.Audits(r.Context(), q) {
		if errors.Is(err, store.ErrNotFound) {
			break // the route has stored nothing yet
		}
		if err != nil {
			s.failed(w, err)
			return
		}
		page.Items = append(page.Items, audit(&a))
		if last > 0 && len(page.Items) >= 2*last {
			page.Items = append(page.Items[:0], page.Items[len(page.Items)-last:]...)
		}
	}
	if n := len(page.Items); last > 0 && n > last {
		page.Items = page.Items[n-last:]
	} else if last == 0 && n >= q.Limit {
		page.Next = next(r, strconv.FormatUint(page.Items[n-1].Seq, 10))
	}
	answer(w, http.StatusOK, page)
}

// auditQuery reads what was asked for: after with limit, or the last few. A route
// that the topology no longer has is as good as any.
func (s *Server) auditQuery(r *http.Request) (q store.AuditQuery, last int, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, 0, bad("the query cannot be read: escape values as %XX")
	}
	q = store.AuditQuery{Route: values.Get("route"), Key: values.Get("key"), Limit: defaultLimit}
	if text := values.Get("after"); text != "" {
		if q.After, err = strconv.ParseUint(text, 10, 64); err != nil {
			return q, 0, bad("after must be the number of an entry")
		}
	}
	for name, n := range map[string]*int{"limit": &q.Limit, "last": &last} {
		if text := values.Get(name); text != "" {
			if *n, err = strconv.Atoi(text); err != nil || *n < 1 || *n > maxLimit {
				return q, 0, bad(fmt.Sprintf("%s must be a number from 1 to %d", name, maxLimit))
			}
		}
	}
	if last > 0 {
		q.Limit = 0
	}
	return q, last, nil
}

func audit(a *store.Audit) api.Audit {
	return api.Audit{
		Seq: a.Seq, At: a.At, Route: a.Route, By: a.By, Action: a.Action,
		KeyName: api.NewKeyName(a.Key), Epoch: a.Epoch, Target: a.Target, Reason: a.Reason,
	}
}
