package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/mask"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

const (
	maxBeside  = 20      // dead letters that block nothing, as shown
	manyBeside = 1000    // of those, as counted
	maxBehind  = 1000    // parked messages that are looked at
	maxRanges  = 50      // of their revisions, as shown
	behindAt   = 16      // how many are read at once: they come with their bodies
	maxRead    = 8 << 20 // bytes of them, in all
)

// explain says what a key waits for, and what would let it go on.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	key := r.PathValue("key")
	out := api.Explanation{Route: route, KeyName: api.NewKeyName(key), Epochs: []api.Wait{}}
	stands, err := s.stands(r.Context(), route, key)
	if err == nil {
		err = s.findLetters(r.Context(), route, key, stands, &out)
	}
	for _, st := range stands {
		if err == nil {
			var wait api.Wait
			wait, err = s.wait(r.Context(), st)
			out.Epochs = append(out.Epochs, wait)
		}
	}
	switch {
	case err != nil:
		s.failed(w, err)
		return
	case len(out.Epochs) == 0 && len(out.Beside) == 0:
		noKey(w, route)
		return
	}
	s.explainRoute(r.Context(), &out)
	answer(w, http.StatusOK, out)
}

// stand is how a lane stands, in memory where it is there.
type stand struct {
	store.Record
	live    Live
	known   bool              // live is
	letter  *store.DeadLetter // at which it stands
	several bool              // the key has other epochs
}

// stands are the lanes of a key. A lane may be in memory before anything of it
// is stored.
func (s *Server) stands(ctx context.Context, route, key string) (all []*stand, err error) {
	records, err := s.lanes(ctx, store.Query{Route: route, Key: key})
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		records = []store.Record{{Key: store.Key{Route: route, Name: key}}}
	}
	for _, rec := range records {
		st := &stand{Record: rec, several: len(records) > 1}
		if st.live, st.known = s.live(ctx, rec.Key); st.known {
			st.State, st.Since, st.Due = st.live.State, st.live.Since, st.live.Due
		}
		if st.known || rec.Version > 0 {
			all = append(all, st)
		}
	}
	return all, nil
}

// findLetters finds the dead letters at which lanes stand, and shows the others
// of the key.
func (s *Server) findLetters(ctx context.Context, route, key string, stands []*stand, out *api.Explanation) error {
	if err := s.findHeads(ctx, route, key, stands); err != nil {
		return err
	}
	n := 0
	for b, err := range s.cfg.Store.Briefs(ctx, store.Query{Route: route, Key: key, Limit: manyBeside}) {
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if slices.ContainsFunc(stands, func(st *stand) bool { return st.letter != nil && st.letter.ID == b.ID }) {
			continue
		}
		if n++; n > maxBeside {
			out.BesideOmitted++
			continue
		}
		d, err := s.cfg.Store.DeadLetter(ctx, route, b.ID)
		switch {
		case errors.Is(err, store.ErrNotFound): // settled meanwhile
		case err != nil:
			return err
		default:
			out.Beside = append(out.Beside, s.contentOf(ctx, &d.Message).deadLetter(&d))
		}
	}
	return nil
}

// findHeads finds the dead letters at which lanes stand: the newest first, because
// what a key stands at was given up last.
func (s *Server) findHeads(ctx context.Context, route, key string, stands []*stand) error {
	wanted := 0
	for _, st := range stands {
		if st.State.Mode == lane.Quarantined {
			wanted++
		}
	}
	if wanted == 0 {
		return nil
	}
	began := time.Now()
	for b, err := range s.cfg.Store.Briefs(ctx, store.Query{Route: route, Key: key, Newest: true}) {
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		i := slices.IndexFunc(stands, func(st *stand) bool { return st.letter == nil && st.standsAt(&b) })
		if i >= 0 {
			d, err := s.cfg.Store.DeadLetter(ctx, route, b.ID)
			if err != nil && !errors.Is(err, store.ErrNotFound) { // settled meanwhile
				return err
			}
			if err == nil {
				stands[i].letter = &d
			}
			wanted--
		}
		if wanted == 0 || time.Since(began) > lookTime {
			return nil
		}
	}
	return nil
}

// standsAt reports whether a lane waits for what becomes of a dead letter.
func (st *stand) standsAt(b *store.Brief) bool {
	return b.Lane && st.State.Mode == lane.Quarantined && st.Key.Epoch == b.Epoch && st.State.Next == b.Rev
}

// wait says what a lane waits for.
func (s *Server) wait(ctx context.Context, st *stand) (api.Wait, error) {
	out := api.Wait{Lane: laneOf(&st.Record, st.live, st.known)}
	if st.letter != nil {
		c := s.contentOf(ctx, &st.letter.Message)
		d := c.deadLetter(st.letter)
		out.DeadLetter, out.LastTry = &d, c.lastTry(st.letter.Log)
	}
	if st.State.Mode == lane.Gap || st.State.Mode == lane.GapBlocked {
		out.Missing = missing(&st.State, st.lowest())
	}
	if st.State.Mode == lane.Gap && st.known {
		out.Expires, out.Then = st.live.Expires, thens[st.live.Then]
	}
	behind, head, err := s.behind(ctx, st)
	if err != nil {
		return out, err
	}
	out.Behind = behind
	if st.State.Mode == lane.Waiting {
		tries := st.live.Tries
		if tries.Attempts == 0 && head != nil {
			tries = head.Tries
		}
		out.Attempts, out.Error = tries.Attempts, s.saysOf(ctx, head, tries.Error)
		out.LastTry = s.lastTryOf(ctx, head, tries.Log)
	}
	tell(&out, st)
	return out, nil
}

// saysOf is an error of a message that is parked, or held in memory: what it quotes
// of that is not known here.
func (s *Server) saysOf(ctx context.Context, m *store.Message, text string) string {
	switch {
	case m != nil:
		return s.contentOf(ctx, m).says(text)
	case text == "" || callerIn(ctx).payloads == PayloadsFull:
		return text
	}
	return mask.NotShown
}

// lastTryOf is the last try of such a message.
func (s *Server) lastTryOf(ctx context.Context, m *store.Message, l *store.TryLog) *api.Try {
	shown := (&content{payloads: PayloadsFull}).lastTry(l)
	if shown != nil {
		shown.Error = s.saysOf(ctx, m, shown.Error)
	}
	return shown
}

// lowest is the lowest revision that waits behind a gap.
func (st *stand) lowest() lane.Revision {
	switch low := st.live.Lowest; {
	case !st.known || low <= st.State.Next:
		return st.State.Lowest
	case st.State.Parked > 0:
		return min(low, st.State.Lowest)
	default:
		return low
	}
}

// behind looks at what is parked, as far as that is not too much. Head is the
// row of the next revision, if it is parked.
func (s *Server) behind(ctx context.Context, st *stand) (b *api.Behind, head *store.Message, err error) {
	if st.State.Parked == 0 {
		return nil, nil, nil
	}
	b = &api.Behind{Count: st.State.Parked, Ranges: []api.Range{}}
	for from, read := lane.Revision(0), int64(0); b.Seen < maxBehind && read < maxRead; {
		rows, err := s.cfg.Store.Parked(ctx, st.Key, from, behindAt)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, nil, err
		}
		for _, m := range rows {
			if m.Rev == st.State.Next {
				head = &m
			}
			b.Seen++
			read += m.Size()
			b.Ranges = addTo(b.Ranges, int64(m.Rev))
			b.Oldest = older(b.Oldest, m.ParkedAt)
			from = m.Rev + 1
		}
		if len(rows) < behindAt {
			break
		}
	}
	return b, head, nil
}

// addTo adds a revision to ascending ranges, as long as there are not too many.
func addTo(ranges []api.Range, rev int64) []api.Range {
	if n := len(ranges); n > 0 && ranges[n-1].To == rev-1 {
		ranges[n-1].To = rev
		return ranges
	}
	if len(ranges) == maxRanges {
		return ranges
	}
	return append(ranges, api.Range{From: rev, To: rev})
}

func older(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
