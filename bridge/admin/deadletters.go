package admin

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/store"
)

// What one answer shows of a message. The store may hold bodies of many
// megabytes, which nobody reads on a screen.
const (
	maxBody    = 256 << 10
	maxHeader  = 4 << 10
	maxHeaders = 200
)

// lookTime is how long one page of a list looks for what matches; what is not found
// by then is on the next one.
const lookTime = 150 * time.Millisecond

// letterQuery selects dead letters.
type letterQuery struct {
	store.Query
	Reason string // only with this reason; empty: with any
	Gaps   bool   // also gaps whose time is over
}

// letterQuery reads what a list of dead letters was asked for, or answers what
// is wrong with it.
func (s *Server) letterQuery(w http.ResponseWriter, r *http.Request) (letterQuery, bool) {
	q, ok := s.query(w, r)
	if !ok {
		return letterQuery{}, false
	}
	f := letterQuery{Query: q, Reason: r.URL.Query().Get("reason")}
	if err := between(r, &f.Query); err != nil {
		s.refuse(w, r, err)
		return letterQuery{}, false
	}
	if text := r.URL.Query().Get("gaps"); text != "" {
		var err error
		if f.Gaps, err = strconv.ParseBool(text); err != nil {
			fail(w, http.StatusBadRequest, api.BadRequest, "gaps must be true or false", "")
			return letterQuery{}, false
		}
	}
	f.Gaps = f.Reason == gapReason || f.Reason == "" && f.Gaps && f.Group == "" && f.Since.IsZero() && f.Until.IsZero()
	return f, true
}

// deadLetters lists the dead letters of a route, without their content.
func (s *Server) deadLetters(w http.ResponseWriter, r *http.Request) {
	f, ok := s.letterQuery(w, r)
	if !ok {
		return
	}
	page := api.Page[api.DeadLetter]{Items: []api.DeadLetter{}}
	after, err := "", error(nil)
	if _, _, inGaps := gapOf(f.After); !inGaps && f.Reason != gapReason {
		after, err = s.letters(r.Context(), f, &page)
	}
	if f.Gaps && after == "" && err == nil {
		after, err = s.gaps(r.Context(), f, &page)
	}
	if err != nil {
		s.failed(w, err)
		return
	}
	if after != "" {
		page.Next = next(r, after)
	}
	answer(w, http.StatusOK, page)
}

// letters adds dead letters to a page and says behind which place there may be
// more.
func (s *Server) letters(ctx context.Context, f letterQuery, page *api.Page[api.DeadLetter]) (after string, err error) {
	return s.eachLetter(ctx, f, func(d *store.DeadLetter) bool {
		page.Items = append(page.Items, s.contentOf(ctx, &d.Message).deadLetter(d))
		return len(page.Items) < f.Limit
	})
}

// eachLetter shows the dead letters that match until it is told to stop or has
// looked for long enough, and says behind which place there may be more.
func (s *Server) eachLetter(ctx context.Context, f letterQuery, see func(*store.DeadLetter) bool) (after string, err error) {
	q, began := f.Query, time.Now()
	q.Limit = 0 // how many have to be looked at is not known
	for b, err := range s.cfg.Store.Briefs(ctx, q) {
		if errors.Is(err, store.ErrNotFound) {
			return "", nil // the route has stored nothing yet
		}
		if err != nil {
			return "", err
		}
		more := time.Since(began) < lookTime
		if f.Reason == "" || f.Reason == b.Reason {
			d, err := s.cfg.Store.DeadLetter(ctx, f.Route, b.ID)
			switch {
			case errors.Is(err, store.ErrNotFound): // settled meanwhile
			case err != nil:
				return "", err
			default:
				more = see(&d) && more
			}
		}
		if !more {
			return b.Place(), nil
		}
	}
	return "", nil
}

// deadLetter shows one dead letter with headers and body.
func (s *Server) deadLetter(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	id := r.PathValue("id")
	if key, epoch, ok := gapOf(id); ok {
		s.gapEntry(w, r, route, key, epoch)
		return
	}
	d, err := s.cfg.Store.DeadLetter(r.Context(), route, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		noLetter(w, route)
		return
	case err != nil:
		s.failed(w, err)
		return
	}
	c := s.contentOf(r.Context(), &d.Message)
	out := api.DeadLetterDetail{DeadLetter: c.deadLetter(&d), Body: c.body(maxBody), Payloads: c.level()}
	out.Headers, out.HeadersOmitted = c.headers(maxHeaders, maxHeader)
	out.Tries, out.TriesOmitted = c.tries(d.Log)
	out.Trace = traceOf(&d)
	out.TraceLink = s.traceLink(out.Trace)
	answer(w, http.StatusOK, out)
}

func noLetter(w http.ResponseWriter, route string) {
	fail(w, http.StatusNotFound, api.UnknownDeadLetter, "this route has no such dead letter",
		"it may have been settled since; GET /api/v1/routes/"+route+"/dead-letters lists them")
}

func sortedNames(all map[string]string) []string { return slices.Sorted(maps.Keys(all)) }

// deadLetter is a dead letter, without headers and body.
func (c *content) deadLetter(d *store.DeadLetter) api.DeadLetter {
	out := api.DeadLetter{
		Route: d.Route, ID: d.ID, KeyName: api.NewKeyName(d.Key), Epoch: d.Epoch, InOrder: d.Lane,
		Reason: d.Reason, Class: d.Class, Error: c.says(d.Error), Attempts: d.Attempts,
		FirstFailed: d.FirstFailed, LastFailed: d.LastFailed, At: d.At,
		Group: d.Fingerprint, Target: d.Target, MessageName: api.NewMessageName(d.Message.ID), Size: len(d.Payload),
	}
	if !d.Nameless() {
		out.Revision = revision(d.Rev)
	}
	return out
}
