package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/store"
)

// maxSkips is how many skipped ranges of a lane one answer shows.
const maxSkips = 1000

// keys lists the lanes of a route.
func (s *Server) keys(w http.ResponseWriter, r *http.Request) {
	q, ok := s.query(w, r)
	if !ok {
		return
	}
	page := api.Page[api.Lane]{Items: []api.Lane{}}
	after, err := s.someLanes(r.Context(), q, r.URL.Query().Get("state"), &page)
	if err != nil {
		s.failed(w, err)
		return
	}
	if after != "" {
		page.Next = next(r, after)
	}
	answer(w, http.StatusOK, page)
}

// someLanes adds lanes to a page, only those in a state if one is named, and says
// behind which key there may be more. The page breaks between keys.
func (s *Server) someLanes(ctx context.Context, q store.Query, state string, page *api.Page[api.Lane]) (after string, err error) {
	most, began, last := q.Limit, time.Now(), ""
	q.Limit = 0 // how many have to be looked at is not known
	for rec, err := range s.cfg.Store.Lanes(ctx, q) {
		switch {
		case errors.Is(err, store.ErrNotFound):
			return "", nil
		case err != nil:
			return "", err
		case last != "" && rec.Key.Name != last && (len(page.Items) >= most || time.Since(began) > lookTime):
			return last, nil
		}
		if last = rec.Key.Name; state == "" || state == rec.State.Mode.String() {
			live, known := s.live(ctx, rec.Key)
			page.Items = append(page.Items, laneOf(&rec, live, known))
		}
	}
	return "", nil
}

// key shows a key in all its epochs, with what it went on without.
func (s *Server) key(w http.ResponseWriter, r *http.Request) {
	route, ok := s.known(w, r)
	if !ok {
		return
	}
	name := r.PathValue("key")
	records, err := s.lanes(r.Context(), store.Query{Route: route, Key: name})
	if err != nil {
		s.failed(w, err)
		return
	}
	if len(records) == 0 {
		noKey(w, route)
		return
	}
	out := api.Key{Route: route, KeyName: api.NewKeyName(name)}
	for _, rec := range records {
		d, err := s.laneDetail(r.Context(), rec)
		if err != nil {
			s.failed(w, err)
			return
		}
		out.Epochs = append(out.Epochs, d)
	}
	answer(w, http.StatusOK, out)
}

// lanes collects the records that match; none where the route has stored nothing
// yet.
func (s *Server) lanes(ctx context.Context, q store.Query) (out []store.Record, err error) {
	for rec, err := range s.cfg.Store.Lanes(ctx, q) {
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		out = append(out, rec)
	}
	return out, nil
}

func noKey(w http.ResponseWriter, route string) {
	fail(w, http.StatusNotFound, api.UnknownKey, "no message with this key has been settled or stored on this route",
		"GET /api/v1/routes/"+route+"/keys lists the keys")
}

// live is what the running route has in memory of a lane.
func (s *Server) live(ctx context.Context, k store.Key) (Live, bool) {
	if s.cfg.Lane == nil {
		return Live{}, false
	}
	return s.cfg.Lane(ctx, k.Route, k.Name, k.Epoch)
}

// laneOf is a lane as it is stored, with how many of its messages are in memory.
func laneOf(rec *store.Record, live Live, known bool) api.Lane {
	st := &rec.State
	out := api.Lane{
		Route: rec.Key.Route, KeyName: api.NewKeyName(rec.Key.Name), Epoch: rec.Key.Epoch,
		State: st.Mode.String(), Since: rec.Since, Due: rec.Due,
		Next: revision(st.Next), Highest: revision(st.Highest), Parked: st.Parked,
		Skipped: st.Skips, Version: rec.Version, Suspect: st.Suspect, Reborn: st.Reborn,
	}
	if st.Parked > 0 {
		out.Lowest = revision(st.Lowest)
	}
	if known && live.Held > 0 {
		out.Held = &live.Held
	}
	return out
}

func (s *Server) laneDetail(ctx context.Context, rec store.Record) (api.LaneDetail, error) {
	live, known := s.live(ctx, rec.Key)
	out := api.LaneDetail{Lane: laneOf(&rec, live, known), Skips: []api.Skip{}}
	if rec.State.Skips == 0 {
		return out, nil
	}
	skips, err := s.cfg.Store.Skips(ctx, rec.Key)
	if err != nil {
		return out, err
	}
	if len(skips) > maxSkips {
		out.SkipsOmitted = len(skips) - maxSkips
		skips = skips[out.SkipsOmitted:] // the newest say most about now
	}
	for _, k := range skips {
		out.Skips = append(out.Skips, api.Skip{From: int64(k.From), To: int64(k.To), At: k.At, By: k.By, Reason: k.Reason})
	}
	return out, nil
}
