package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

const (
	maxChange = 16 << 10 // bytes of a request to change something
	maxBy     = 64       // characters of who asks
	nobody    = "local user"
)

// Operator changes what the routes hold, and stops and starts them. What it did
// is durable, and in the audit, when it returns no error. Where it returns an
// [*api.Error], nothing was changed and the caller is told why.
//
// The change it is given has a reason and a name of who asks; of its epochs one
// is chosen.
type Operator interface {
	Redrive(ctx context.Context, route, id string, c api.Change) (api.Outcome, error)
	Discard(ctx context.Context, route, id string, c api.Change) (api.Outcome, error)
	Skip(ctx context.Context, route, key string, c api.Change) (api.Outcome, error)
	Release(ctx context.Context, route, key string, c api.Change) (api.Outcome, error)
	Pause(ctx context.Context, route string, c api.Change) (api.Outcome, error)
	Resume(ctx context.Context, route string, c api.Change) (api.Outcome, error)

	Archive(ctx context.Context, route, id string, c api.Change) (api.Outcome, error)
	Restore(ctx context.Context, route, id string, c api.Change) (api.Outcome, error)
	Edit(ctx context.Context, route, id string, e api.Edit) (api.Outcome, error)
	Import(ctx context.Context, route string, q api.Import) (api.Outcome, error)
	// CloseSkip closes the open skip of a key that begins at c.To.
	CloseSkip(ctx context.Context, route, key string, c api.Change) (api.Outcome, error)
	Purge(ctx context.Context, route, key string, c api.Change) (api.Outcome, error)

	Offices
}

// Offices run the operations on many dead letters.
type Offices interface {
	PlanOperation(ctx context.Context, route string, q api.Request) (api.Plan, error)
	StartOperation(ctx context.Context, route string, q api.Request) (api.Operation, error)
	Operations(ctx context.Context, route string) ([]api.Operation, error)
	Operation(ctx context.Context, route, id string) (api.Operation, error)
	PauseOperation(ctx context.Context, route, id string, c api.Change) (api.Operation, error)
	ResumeOperation(ctx context.Context, route, id string, c api.Change) (api.Operation, error)
	CancelOperation(ctx context.Context, route, id string, c api.Change) (api.Operation, error)
}

// deed is one way to change something of a route.
type deed func(r *http.Request, route string, c api.Change) (api.Outcome, error)

// asked reads the route and what is to be changed, and answers with what comes of
// it.
func (s *Server) asked(do func(r *http.Request, route string, c api.Change) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		route, ok := s.known(w, r)
		if !ok {
			return
		}
		var c api.Change
		err := readSigned(w, r, maxChange, &c, &c.By, &c.Reason, &c.DryRun)
		var out any
		if err == nil {
			out, err = do(r, route, c)
		}
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		answer(w, http.StatusOK, out)
	}
}

// change does something to a route and answers with the outcome.
func (s *Server) change(do deed) http.HandlerFunc {
	return s.asked(func(r *http.Request, route string, c api.Change) (any, error) {
		out, err := do(r, route, c)
		out.Route, out.DryRun = route, c.DryRun
		return out, err
	})
}

func (s *Server) redrive(r *http.Request, route string, c api.Change) (api.Outcome, error) {
	id, err := letterID(r)
	if err != nil {
		return api.Outcome{}, err
	}
	return s.cfg.Operator.Redrive(r.Context(), route, id, c)
}

func (s *Server) discard(r *http.Request, route string, c api.Change) (api.Outcome, error) {
	id, err := letterID(r)
	if err != nil {
		return api.Outcome{}, err
	}
	return s.cfg.Operator.Discard(r.Context(), route, id, c)
}

// letterID is the dead letter of a request, which is a message.
func letterID(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if _, _, ok := gapOf(id); ok {
		return "", &api.Error{
			Code: api.NotALetter, Message: "this entry is no message but a gap: a revision that did not come in time",
			Hint: "have the revision sent, or let the key go on without it by skipping",
		}
	}
	return id, nil
}

func (s *Server) skip(r *http.Request, route string, c api.Change) (api.Outcome, error) {
	if c.To == nil || *c.To < 0 || *c.To > int64(lane.MaxRevision) {
		return api.Outcome{}, bad("to must be the revision to go on at")
	}
	c, err := s.pickEpoch(r, route, c, lane.Gap, lane.GapBlocked)
	if err != nil {
		return api.Outcome{}, err
	}
	return s.cfg.Operator.Skip(r.Context(), route, r.PathValue("key"), c)
}

func (s *Server) release(r *http.Request, route string, c api.Change) (api.Outcome, error) {
	modes := []lane.Mode{lane.GapBlocked}
	if c.NewEpoch {
		modes = []lane.Mode{lane.Locked}
	}
	c, err := s.pickEpoch(r, route, c, modes...)
	if err != nil {
		return api.Outcome{}, err
	}
	return s.cfg.Operator.Release(r.Context(), route, r.PathValue("key"), c)
}

func (s *Server) pauseRoute(r *http.Request, route string, c api.Change) (api.Outcome, error) {
	return s.cfg.Operator.Pause(r.Context(), route, c)
}

func (s *Server) resumeRoute(r *http.Request, route string, c api.Change) (api.Outcome, error) {
	return s.cfg.Operator.Resume(r.Context(), route, c)
}

// pickEpoch fills in which epoch of a key is meant: the only one that waits in
// such a mode, else the latest.
func (s *Server) pickEpoch(r *http.Request, route string, c api.Change, modes ...lane.Mode) (api.Change, error) {
	if c.Epoch != nil {
		return c, nil
	}
	records, err := s.lanes(r.Context(), store.Query{Route: route, Key: r.PathValue("key")})
	if err != nil {
		return c, err
	}
	latest, waiting := uint32(0), []uint32{}
	for _, rec := range records {
		latest = max(latest, rec.Key.Epoch)
		for _, m := range modes {
			if rec.State.Mode == m {
				waiting = append(waiting, rec.Key.Epoch)
			}
		}
	}
	switch len(waiting) {
	case 0:
		c.Epoch = &latest
	case 1:
		c.Epoch = &waiting[0]
	default:
		return c, bad(fmt.Sprintf("the key waits in several epochs, %s: say which with epoch", strings.Trim(fmt.Sprint(waiting), "[]")))
	}
	return c, nil
}

// bad is the fault of a request.
func bad(message string) error { return &api.Error{Code: api.BadRequest, Message: message} }

// readSigned reads the body of a request that changes something, with who makes the
// change and why as the audit keeps it.
func readSigned(w http.ResponseWriter, r *http.Request, most int64, into any, by, reason *string, dryRun *bool) (err error) {
	if err := readBody(w, r, most, into); err != nil {
		return err
	}
	*by, *reason, err = signature(r, *by, *reason, *dryRun)
	return err
}

// readBody reads a JSON object. The type of the request must say JSON: a form of a
// foreign page can send text, but not that.
func readBody(w http.ResponseWriter, r *http.Request, most int64, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return bad("the Content-Type of a change must be application/json")
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return bad("the body must be a JSON object such as {\"reason\": \"…\"}: " + err.Error())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return bad("the body must be one JSON object and nothing else")
	}
	return nil
}

// signature is who makes a change and why, as the audit keeps it.
func signature(r *http.Request, by, reason string, dryRun bool) (who, why string, err error) {
	by = callerOf(r).signs(by)
	reason = strings.TrimSpace(reason)
	switch {
	case len(reason) > api.MaxReason:
		return by, reason, bad(fmt.Sprintf("the reason has %d bytes, the limit is %d", len(reason), api.MaxReason))
	case reason == "" && !dryRun:
		return by, reason, bad("a change needs a reason: it is kept in the audit")
	case reason == "":
		reason = "dry run"
	}
	return by, reason, nil
}

// signed is the name of who asks, as far as it is fit to be kept: short, and
// without what is not to be seen.
func signed(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.TrimSpace(name))
	if runes := []rune(name); len(runes) > maxBy {
		name = string(runes[:maxBy])
	}
	if name == "" {
		return nobody
	}
	return name
}

// refusals are the answers to what was refused, by their codes.
var refusals = map[string]int{
	api.PayloadsForbidden: http.StatusForbidden,
	api.BadRequest:        http.StatusBadRequest,
	api.UnknownDeadLetter: http.StatusNotFound,
	api.UnknownKey:        http.StatusNotFound,
	api.UnknownOperation:  http.StatusNotFound,
	api.UnknownArchived:   http.StatusNotFound,
	api.UnknownRoute:      http.StatusNotFound,
	api.EditOff:           http.StatusForbidden,
	api.Timeout:           http.StatusGatewayTimeout,
	api.StoreFailed:       http.StatusInternalServerError,
}

// refuse answers a change that was not made, or of which that is not known.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e, ok := errors.AsType[*api.Error](err)
	switch {
	case ok:
	case r.Context().Err() != nil:
		e = &api.Error{
			Code: api.Timeout, Message: "the change took too long, and whether it was made is not known",
			Hint: "the audit lists what was done; asking again does no harm",
		}
	default:
		s.cfg.Logger.Error("an operator's change failed", "path", r.Pattern, "error", err)
		e = &api.Error{Code: api.StoreFailed, Message: "the change could not be made", Hint: "the log of the bridge says why"}
	}
	code, ok := refusals[e.Code]
	if !ok {
		code = http.StatusConflict
	}
	answer(w, code, api.Failure{Error: e})
}
