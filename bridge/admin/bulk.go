package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/mask"
	"github.com/brokerbridge/bridge/ordering/store"
)

const (
	maxRequest = 1 << 20   // bytes of a request for an operation: 10,000 ids fit
	maxContent = 160 << 20 // bytes of a request with the content of messages; a body of 64 MiB fits, escaped
)

// between reads from when to when, and of which group, dead letters are asked
// for.
func between(r *http.Request, q *store.Query) (err error) {
	values := r.URL.Query()
	q.Group = values.Get("group")
	for name, at := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		if text := values.Get(name); text != "" {
			if *at, err = time.Parse(time.RFC3339, text); err != nil {
				return bad(name + " must be a time such as 2026-01-31T12:00:00Z")
			}
		}
	}
	return nil
}

// groups lists the dead letters of a route by their cause.
func (s *Server) groups(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	order, ok := groupOrders[cmp.Or(r.URL.Query().Get("sort"), "parked")]
	if !ok {
		fail(w, http.StatusBadRequest, api.BadRequest, "sort must be parked, blocked, dead or last", "")
		return
	}
	all, err := s.cfg.Store.Groups(r.Context(), route)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		s.failed(w, err)
		return
	}
	slices.SortStableFunc(all, func(a, b store.Group) int { return cmp.Or(order(&a, &b), -cmp.Compare(a.Dead, b.Dead)) })
	page := api.Page[api.Group]{Items: make([]api.Group, 0, min(len(all), maxLimit))}
	for _, g := range all[:min(len(all), maxLimit)] { // the rest hurt less than a thousand others
		shown := groupOf(route, &g)
		if shown.Error, err = s.causeOf(r.Context(), route, &g); err != nil {
			s.failed(w, err)
			return
		}
		page.Items = append(page.Items, shown)
	}
	answer(w, http.StatusOK, page)
}

// groupOrders put first what hurts most, in several senses.
var groupOrders = map[string]func(a, b *store.Group) int{
	"parked":  func(a, b *store.Group) int { return -cmp.Compare(a.Parked, b.Parked) },
	"blocked": func(a, b *store.Group) int { return -cmp.Compare(a.Keys, b.Keys) },
	"dead":    func(a, b *store.Group) int { return -cmp.Compare(a.Dead, b.Dead) },
	"last":    func(a, b *store.Group) int { return -a.Last.Compare(b.Last) },
}

// causeOf is the error of a group. For who does not see payloads in full it is that
// of a dead letter that is still there, so that it is known what it quotes.
func (s *Server) causeOf(ctx context.Context, route string, g *store.Group) (string, error) {
	if g.Error == "" || callerIn(ctx).payloads == PayloadsFull {
		return g.Error, nil
	}
	for b, err := range s.cfg.Store.Briefs(ctx, store.Query{Route: route, Group: g.Fingerprint}) {
		if err != nil {
			return "", err
		}
		d, err := s.cfg.Store.DeadLetter(ctx, route, b.ID)
		switch {
		case errors.Is(err, store.ErrNotFound): // settled meanwhile
		case err != nil:
			return "", err
		default:
			return s.contentOf(ctx, &d.Message).says(d.Error), nil
		}
	}
	return mask.NotShown, nil
}

func groupOf(route string, g *store.Group) api.Group {
	return api.Group{
		Route: route, Fingerprint: g.Fingerprint, Reason: g.Reason, Class: g.Class, Target: g.Target,
		Dead: g.Dead, First: g.First, Last: g.Last, BlockedKeys: g.Keys, ParkedBehind: g.Parked,
	}
}

// start plans or begins an operation.
func (s *Server) start(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	var q api.Request
	if err := readSigned(w, r, maxRequest, &q, &q.By, &q.Reason, &q.DryRun); err != nil {
		s.refuse(w, r, err)
		return
	}
	var out api.Begun
	var err error
	if q.DryRun {
		var p api.Plan
		p, err = s.cfg.Operator.PlanOperation(r.Context(), route, q)
		out.Plan = &p
	} else {
		var op api.Operation
		op, err = s.cfg.Operator.StartOperation(r.Context(), route, q)
		out.Operation = &op
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, out)
}

// operations lists the operations of a route.
func (s *Server) operations(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	all, err := s.cfg.Operator.Operations(r.Context(), route)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, api.Page[api.Operation]{Items: slices.Concat([]api.Operation{}, all)})
}

func (s *Server) operation(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	op, err := s.cfg.Operator.Operation(r.Context(), route, r.PathValue("id"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, op)
}

// command does something to an operation.
func (s *Server) command(do func(o Operator, ctx context.Context, route, id string, c api.Change) (api.Operation, error)) http.HandlerFunc {
	return s.asked(func(r *http.Request, route string, c api.Change) (any, error) {
		if c.DryRun {
			return nil, bad("pausing, resuming and cancelling have no dry run")
		}
		return do(s.cfg.Operator, r.Context(), route, r.PathValue("id"), c)
	})
}
