package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// openSkips lists what keys went on without and nobody has seen to.
func (s *Server) openSkips(w http.ResponseWriter, r *http.Request) {
	q, ok := s.query(w, r)
	if !ok {
		return
	}
	after, err := parseSkipPlace(q.After)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	page := api.Page[api.OpenSkip]{Items: []api.OpenSkip{}}
	for k, err := range s.cfg.Store.OpenSkips(r.Context(), q.Route, after) {
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			s.failed(w, err)
			return
		}
		page.Items = append(page.Items, api.OpenSkip{
			Route: q.Route, KeyName: api.NewKeyName(k.Key.Name), Epoch: k.Key.Epoch,
			Skip: api.Skip{From: int64(k.From), To: int64(k.To), At: k.At, By: k.By, Reason: k.Reason},
		})
		if len(page.Items) >= q.Limit {
			page.Next = next(r, skipPlace(&k))
			break
		}
	}
	answer(w, http.StatusOK, page)
}

// skipPlace is where an open skip stands among those of its route.
func skipPlace(k *store.OpenSkip) string {
	return fmt.Sprintf("%s%d.%d.%s", store.PlaceOf(k.At, ""), k.Key.Epoch, k.From, k.Key.Name)
}

// parseSkipPlace reads a place; empty is in front of all.
func parseSkipPlace(text string) (k store.OpenSkip, err error) {
	if text == "" {
		return k, nil
	}
	parts := strings.SplitN(text, ".", 4)
	if len(parts) != 4 {
		return k, bad("after is no place among skips; follow next")
	}
	at, atErr := strconv.ParseUint(parts[0], 16, 64)
	epoch, epochErr := strconv.ParseUint(parts[1], 10, 32)
	from, fromErr := strconv.ParseInt(parts[2], 10, 64)
	if err := errors.Join(atErr, epochErr, fromErr); err != nil {
		return k, bad("after is no place among skips; follow next")
	}
	k.Key.Name, k.Key.Epoch, k.At, k.From = parts[3], uint32(epoch), time.Unix(0, int64(at^1<<63)).UTC(), lane.Revision(from)
	return k, nil
}
