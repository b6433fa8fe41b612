package admin

import (
	"context"
	"errors"
	"net/http"

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
	records, err := s.lanes(r.Context(), q)
	if err != nil {
		s.failed(w, err)
		return
	}
	page := api.Page[api.Lane]{Items: []api.Lane{}}
	for _, rec := range records {
		page.Items = append(page.Items, s.lane(r.Context(), rec))
	}
	if n := len(records); n >= q.Limit {
		page.Next = next(r, records[n-1].Key.Name)
	}
	answer(w, http.StatusOK, page)
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
		fail(w, http.StatusNotFound, api.UnknownKey, "no message with this key has been settled or stored on this route",
			"GET /api/v1/routes/"+route+"/keys lists the keys")
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

func (s *Server) lane(ctx context.Context, rec store.Record) api.Lane {
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
	if s.cfg.Lane != nil {
		if live, ok := s.cfg.Lane(ctx, rec.Key.Route, rec.Key.Name, rec.Key.Epoch); ok {
			out.Held = &live.Held
		}
	}
	return out
}

func (s *Server) laneDetail(ctx context.Context, rec store.Record) (api.LaneDetail, error) {
	out := api.LaneDetail{Lane: s.lane(ctx, rec), Skips: []api.Skip{}}
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
