package admin

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// archive lists what was put away.
func (s *Server) archive(w http.ResponseWriter, r *http.Request) {
	q, ok := s.query(w, r)
	if !ok {
		return
	}
	page := api.Page[api.Archived]{Items: []api.Archived{}}
	began, group := time.Now(), r.URL.Query().Get("group")
	for a, err := range s.cfg.Store.Archive(r.Context(), store.Query{Route: q.Route, After: q.After}) {
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			s.failed(w, err)
			return
		}
		if (q.Key == "" || q.Key == a.Key) && (group == "" || group == a.Fingerprint) {
			page.Items = append(page.Items, s.contentOf(r.Context(), &a.Message).archived(&a))
		}
		if len(page.Items) >= q.Limit || time.Since(began) > lookTime {
			page.Next = next(r, a.ID)
			break
		}
	}
	answer(w, http.StatusOK, page)
}

func (c *content) archived(a *store.Archived) api.Archived {
	return api.Archived{DeadLetter: c.deadLetter(&a.DeadLetter), ArchivedAt: a.ArchivedAt, By: a.By, Why: a.Why, Original: a.Original}
}

// archivedLetter shows one with headers and body.
func (s *Server) archivedLetter(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	a, err := s.cfg.Store.Archived(r.Context(), route, r.PathValue("id"))
	switch {
	case errors.Is(err, store.ErrNotFound):
		fail(w, http.StatusNotFound, api.UnknownArchived, "this is not in the archive of the route", "GET /api/v1/routes/"+route+"/archive lists what is")
		return
	case err != nil:
		s.failed(w, err)
		return
	}
	c := s.contentOf(r.Context(), &a.Message)
	out := api.ArchivedDetail{Archived: c.archived(&a), Body: c.body(maxBody), Payloads: c.level()}
	out.Headers, out.HeadersOmitted = c.headers(maxHeaders, maxHeader)
	answer(w, http.StatusOK, out)
}

func (s *Server) archiveLetter(r *http.Request, route string, c api.Change) (api.Outcome, error) {
	id, err := letterID(r)
	if err != nil {
		return api.Outcome{}, err
	}
	return s.cfg.Operator.Archive(r.Context(), route, id, c)
}

func (s *Server) restore(r *http.Request, route string, c api.Change) (api.Outcome, error) {
	return s.cfg.Operator.Restore(r.Context(), route, r.PathValue("id"), c)
}

func (s *Server) purge(r *http.Request, route string, c api.Change) (api.Outcome, error) {
	return s.cfg.Operator.Purge(r.Context(), route, r.PathValue("key"), c)
}

func (s *Server) closeSkip(r *http.Request, route string, c api.Change) (api.Outcome, error) {
	if c.To == nil || *c.To < 0 || *c.To > int64(lane.MaxRevision) {
		return api.Outcome{}, bad("to must be the first revision of the skip")
	}
	return s.cfg.Operator.CloseSkip(r.Context(), route, r.PathValue("key"), c)
}

// edit gives a dead letter other content.
func (s *Server) edit(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	var e api.Edit
	var out api.Outcome
	err := readSigned(w, r, maxContent, &e, &e.By, &e.Reason, &e.DryRun)
	id := ""
	if err == nil {
		id, err = letterID(r)
	}
	if err == nil && !complete(e.Headers, e.Body) {
		err = bad("the new content is not whole: what is masked or hidden cannot be stored")
	}
	if err == nil {
		out, err = s.cfg.Operator.Edit(r.Context(), route, id, e)
	}
	s.outcome(w, r, route, e.DryRun, out, err)
}

// outcome answers what was done, or why not.
func (s *Server) outcome(w http.ResponseWriter, r *http.Request, route string, dryRun bool, out api.Outcome, err error) {
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	out.Route, out.DryRun = route, dryRun
	answer(w, http.StatusOK, out)
}

// What one page of an export may hold, and one request of an import.
const (
	maxLetters      = 100
	maxLettersBytes = 8 << 20
)

// export shows dead letters whole. A page ends behind 8 MiB, and always has one.
func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	f, ok := s.letterQuery(w, r)
	if !ok {
		return
	}
	f.Limit = min(f.Limit, maxLetters)
	page := api.Page[api.Letter]{Items: []api.Letter{}}
	size := int64(0)
	after, err := s.eachLetter(r.Context(), f, func(d *store.DeadLetter) bool {
		page.Items = append(page.Items, s.contentOf(r.Context(), &d.Message).letter(d))
		size += d.Size()
		return len(page.Items) < f.Limit && size < maxLettersBytes
	})
	if err != nil {
		s.failed(w, err)
		return
	}
	if after != "" {
		page.Next = next(r, after)
	}
	answer(w, http.StatusOK, page)
}

// letter is a dead letter with all there is of it.
func (c *content) letter(d *store.DeadLetter) api.Letter {
	out := api.Letter{DeadLetter: c.deadLetter(d), Body: c.body(math.MaxInt)}
	out.Headers, _ = c.headers(math.MaxInt, math.MaxInt)
	out.Tries, out.TriesOmitted = c.tries(d.Log)
	if d.Log != nil {
		out.Redrives = d.Log.Redrives
	}
	return out
}

// complete reports whether nothing of a message is masked or hidden.
func complete(headers []api.Header, body api.Bytes) bool {
	ok := !body.Masked && body.Hidden == ""
	for _, h := range headers {
		ok = ok && !h.Value.Masked && h.Value.Hidden == ""
	}
	return ok
}

// takeIn imports dead letters.
func (s *Server) takeIn(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	var q api.Import
	var out api.Outcome
	err := readSigned(w, r, maxContent, &q, &q.By, &q.Reason, &q.DryRun)
	if err == nil && len(q.Letters) > maxLetters {
		err = bad("at most 100 letters at once")
	}
	for i := range q.Letters {
		if err == nil && !complete(q.Letters[i].Headers, q.Letters[i].Body) {
			err = bad(fmt.Sprintf("letter %d of the request is not whole: what is masked or hidden cannot be imported", i+1))
		}
	}
	if err == nil {
		out, err = s.cfg.Operator.Import(r.Context(), route, q)
	}
	s.outcome(w, r, route, q.DryRun, out, err)
}
