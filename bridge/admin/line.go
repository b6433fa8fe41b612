package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// How much of a line is looked at and shown, however long it is.
const (
	lineRuns    = 500                   // on either side of the next revision
	lineSkips   = 10_000                // above it they are not read at all
	lineLetters = 1000                  // the newest of the key
	lineLook    = 4096                  // parked revisions that are read at once
	lineTime    = 40 * time.Millisecond // for the parked revisions
)

// The states of a run.
const (
	runSettled = "settled"
	runSkipped = "skipped"
	runGap     = "gap"
	runParked  = "parked"
	runHeld    = "held"
	runDead    = "dead"
	runNext    = "next"
)

// line draws a key as a line of revisions.
func (s *Server) line(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	epoch, err := epochOf(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	stands, err := s.stands(r.Context(), route, r.PathValue("key"))
	if err != nil {
		s.failed(w, err)
		return
	}
	i := slices.IndexFunc(stands, func(st *stand) bool { return epoch != nil && st.Key.Epoch == *epoch })
	if epoch == nil {
		i = len(stands) - 1
	}
	if i < 0 {
		noKey(w, route)
		return
	}
	out, err := s.draw(r.Context(), stands[i])
	if err != nil {
		s.failed(w, err)
		return
	}
	answer(w, http.StatusOK, out)
}

// epochOf is the epoch that is asked for; nil: none is named.
func epochOf(r *http.Request) (*uint32, error) {
	text := r.URL.Query().Get("epoch")
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return nil, bad("epoch must be a number from 0 to 4294967295")
	}
	epoch := uint32(n)
	return &epoch, nil
}

// draw draws a lane.
func (s *Server) draw(ctx context.Context, st *stand) (api.Line, error) {
	out := api.Line{Route: st.Key.Route, KeyName: api.NewKeyName(st.Key.Name), Epoch: st.Key.Epoch}
	holes, head, err := s.holes(ctx, st)
	if err != nil {
		return out, err
	}
	out.Runs = past(&st.State, holes)
	parked, complete, err := s.parkedRuns(ctx, st)
	if err != nil {
		return out, err
	}
	d := &drawing{runs: out.Runs, stand: st, head: head, at: int64(max(st.State.Next, 0))}
	d.ahead(parked, complete)
	out.Runs, out.Omitted = d.runs, d.omitted
	return out, nil
}

// holes are what a lane went on without, lowest first, and what it stands at, if
// that is a dead letter. Nil where there is too much to be read.
func (s *Server) holes(ctx context.Context, st *stand) (holes []api.Run, head *store.Brief, err error) {
	if st.State.Skips > 0 && st.State.Skips <= lineSkips {
		skips, err := s.cfg.Store.Skips(ctx, st.Key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, nil, err
		}
		for _, k := range skips {
			holes = append(holes, api.Run{State: runSkipped, From: int64(k.From), To: int64(k.To), At: k.At, Says: skipSays(k)})
		}
	}
	q := store.Query{Route: st.Key.Route, Key: st.Key.Name, Newest: true, Limit: lineLetters}
	for b, err := range s.cfg.Store.Briefs(ctx, q) {
		switch {
		case errors.Is(err, store.ErrNotFound):
			return holes, nil, nil
		case err != nil:
			return nil, nil, err
		case !b.Lane || b.Epoch != st.Key.Epoch:
		case b.Rev == st.State.Next:
			head = &b
		case b.Rev < st.State.Next:
			holes = append(holes, deadRun(&b))
		}
	}
	slices.SortFunc(holes, func(a, b api.Run) int { return cmp.Compare(a.From, b.From) })
	return holes, head, nil
}

func skipSays(k store.Skip) string {
	if k.Reason == "" {
		return "by " + k.By
	}
	return "by " + k.By + ": " + k.Reason
}

func deadRun(b *store.Brief) api.Run {
	return api.Run{State: runDead, From: int64(b.Rev), To: int64(b.Rev), Letter: b.ID, At: b.At, Says: b.Reason}
}

// past are the runs below the next revision. Of very many the oldest are drawn
// as one.
func past(state *lane.State, holes []api.Run) []api.Run {
	runs := []api.Run{}
	at := int64(max(state.Base, 0))
	for _, hole := range holes {
		if hole.From < at || hole.To >= int64(state.Next) {
			continue // of a time before the lane began, or of what has changed meanwhile
		}
		runs = appendRun(runs, api.Run{State: runSettled, From: at, To: hole.From - 1})
		runs = append(runs, hole)
		at = hole.To + 1
	}
	runs = appendRun(runs, api.Run{State: runSettled, From: at, To: int64(state.Next) - 1})
	if tooMany := len(runs) - lineRuns; tooMany > 0 {
		first := api.Run{State: runSettled, From: runs[0].From, To: runs[tooMany].To, Says: "with what was skipped or given up among them, which is too much to be drawn"}
		runs = append([]api.Run{first}, runs[tooMany+1:]...)
	}
	if state.Skips > lineSkips && len(runs) > 0 {
		runs[0].Says = fmt.Sprintf("%d skipped ranges among them are not drawn", state.Skips)
	}
	return runs
}

// appendRun adds a run that is not empty.
func appendRun(runs []api.Run, r api.Run) []api.Run {
	if r.To < r.From {
		return runs
	}
	return append(runs, r)
}

// parkedRuns are the parked revisions of a lane, as far as they can be read in
// time; complete says that these are all.
func (s *Server) parkedRuns(ctx context.Context, st *stand) (runs []store.Run, complete bool, err error) {
	left, from := st.State.Parked, max(st.State.Next, 0)
	if left == 0 {
		return nil, true, nil
	}
	if st.State.Lowest > from {
		from = st.State.Lowest
	}
	for began := time.Now(); len(runs) < lineRuns && time.Since(began) < lineTime; {
		if all, ok := rest(&st.State, from, left); ok {
			return join(runs, all), true, nil
		}
		page, err := s.cfg.Store.ParkedRuns(ctx, st.Key, from, lineLook)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, false, err
		}
		seen := 0
		for _, run := range page {
			runs = join(runs, run)
			seen += int(run.To-run.From) + 1
			from = run.To + 1
		}
		if left -= seen; seen < lineLook {
			return runs, true, nil
		}
	}
	return runs, false, nil
}

// rest is what is parked from a revision on, where the counts leave no choice:
// as many are parked as there are revisions.
func rest(state *lane.State, from lane.Revision, left int) (store.Run, bool) {
	known := state.Aside == 0 && left > 0 && state.Highest-from+1 == lane.Revision(left)
	return store.Run{From: from, To: state.Highest}, known
}

// join adds a run above all others.
func join(runs []store.Run, r store.Run) []store.Run {
	if n := len(runs); n > 0 && runs[n-1].To+1 == r.From {
		runs[n-1].To = r.To
		return runs
	}
	return append(runs, r)
}

// drawing is the part of a line from the next revision on.
type drawing struct {
	*stand
	head    *store.Brief // at which it stands
	runs    []api.Run
	at      int64 // the first revision that is not drawn
	omitted int64
}

// ahead draws what is at the next revision and above.
func (d *drawing) ahead(parked []store.Run, complete bool) {
	d.drawHead()
	waiting := d.waiting(parked, complete)
	if len(waiting) == 0 && len(d.runs) == 0 && d.State.Next < 0 {
		return // it waits for its first revision
	}
	most := len(d.runs) + lineRuns
	for _, run := range waiting {
		if len(d.runs) >= most {
			d.omit(max(waiting[len(waiting)-1].To, int64(d.State.Highest)))
			return
		}
		d.gapUpTo(run.From)
		d.runs, d.at = append(d.runs, run), run.To+1
	}
	if !complete {
		d.omit(int64(d.State.Highest))
	}
	if complete && d.at == int64(d.State.Next) {
		d.runs = append(d.runs, api.Run{State: runNext, From: d.at, To: d.at, Says: "awaited; nothing is behind it"})
	}
}

// omit counts the revisions up to one that are not drawn.
func (d *drawing) omit(highest int64) {
	d.omitted = max(1, highest-d.at+1)
}

// drawHead draws the dead letter at which a lane stands.
func (d *drawing) drawHead() {
	if d.State.Mode != lane.Quarantined {
		return
	}
	run := api.Run{State: runDead, From: d.at, To: d.at, At: d.Since}
	if d.head != nil {
		run = deadRun(d.head)
	}
	d.runs, d.at = append(d.runs, run), d.at+1
}

// gapUpTo draws what is missing in front of a revision.
func (d *drawing) gapUpTo(rev int64) {
	if d.State.Next < 0 && len(d.runs) == 0 {
		d.at = rev // nothing is known to be missing
		return
	}
	run := api.Run{State: runGap, From: d.at, To: rev - 1}
	if d.at == int64(d.State.Next) {
		run.At, run.Says = d.Since, d.saysGap()
	}
	d.runs = appendRun(d.runs, run)
}

// saysGap is what becomes of the gap at which a lane stands.
func (d *drawing) saysGap() string {
	switch {
	case d.State.Mode == lane.GapBlocked:
		return "its time is over; an operator decides, or it comes"
	case d.State.Mode == lane.Gap && d.known && !d.live.Expires.IsZero():
		return "until " + d.live.Expires.UTC().Format(time.RFC3339) + ", then " + thens[d.live.Then]
	case d.State.Mode == lane.Locked:
		return "the epoch is not released"
	}
	return ""
}

// waiting are the runs of what is parked, and of what is in memory only, in order.
// Of the latter only those count of which it is known that they are not parked.
func (d *drawing) waiting(parked []store.Run, complete bool) []api.Run {
	var runs []api.Run
	for _, p := range parked {
		runs = appendRun(runs, d.parkedRun(p))
	}
	if d.known {
		for _, held := range d.live.Runs {
			for _, part := range without(held, parked) {
				if complete || len(parked) == 0 || part.From < parked[len(parked)-1].To {
					runs = append(runs, api.Run{State: runHeld, From: int64(part.From), To: int64(part.To), Says: "in memory"})
				}
			}
		}
	}
	slices.SortFunc(runs, func(a, b api.Run) int { return cmp.Compare(a.From, b.From) })
	runs = slices.DeleteFunc(runs, func(r api.Run) bool { return r.From < d.at })
	return d.tried(runs)
}

func (d *drawing) parkedRun(p store.Run) api.Run {
	return api.Run{State: runParked, From: max(int64(p.From), d.at), To: int64(p.To)}
}

// tried draws the next revision apart where it failed and is tried again.
func (d *drawing) tried(runs []api.Run) []api.Run {
	if d.State.Mode != lane.Waiting || len(runs) == 0 || runs[0].From != int64(d.State.Next) {
		return runs
	}
	head := runs[0]
	head.To, head.At, head.Says = head.From, d.Since, "failed, and is tried again"
	if !d.Due.IsZero() {
		head.Says += " at " + d.Due.UTC().Format(time.RFC3339)
	}
	runs[0].From++
	return append(appendRun([]api.Run{head}, runs[0]), runs[1:]...)
}

// without are the parts of a run that are in none of others, which are in order.
func without(run store.Run, others []store.Run) (parts []store.Run) {
	i, _ := slices.BinarySearchFunc(others, run.From, func(o store.Run, from lane.Revision) int { return cmp.Compare(o.To, from) })
	for ; i < len(others) && others[i].From <= run.To; i++ {
		if others[i].From > run.From {
			parts = append(parts, store.Run{From: run.From, To: others[i].From - 1})
		}
		run.From = others[i].To + 1
	}
	if run.From <= run.To {
		parts = append(parts, run)
	}
	return parts
}
