package admin

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
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
	for k, err := range s.cfg.Store.OpenSkips(r.Context(), q.Route) {
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			s.failed(w, err)
			return
		}
		place := skipPlaceOf(&k)
		if place.compare(after) <= 0 {
			continue
		}
		page.Items = append(page.Items, api.OpenSkip{
			Route: q.Route, KeyName: api.NewKeyName(k.Key.Name), Epoch: k.Key.Epoch,
			Skip: api.Skip{From: int64(k.From), To: int64(k.To), At: k.At, By: k.By, Reason: k.Reason},
		})
		if len(page.Items) >= q.Limit {
			page.Next = next(r, place.String())
			break
		}
	}
	answer(w, http.StatusOK, page)
}

// skipPlace is where an open skip stands among those of its route.
type skipPlace struct {
	at    string // sorts as the time does
	key   string
	epoch uint32
	from  int64
}

func skipPlaceOf(k *store.OpenSkip) skipPlace {
	return skipPlace{strings.TrimSuffix(store.PlaceOf(k.At, ""), "."), k.Key.Name, k.Key.Epoch, int64(k.From)}
}

// compare is the order in which the store tells them.
func (p skipPlace) compare(o skipPlace) int {
	return cmp.Or(cmp.Compare(p.at, o.at), cmp.Compare(p.key, o.key), cmp.Compare(p.epoch, o.epoch), cmp.Compare(p.from, o.from))
}

func (p skipPlace) String() string { return fmt.Sprintf("%s.%d.%d.%s", p.at, p.epoch, p.from, p.key) }

// parseSkipPlace reads a place; empty is in front of all.
func parseSkipPlace(text string) (p skipPlace, err error) {
	if text == "" {
		return p, nil
	}
	parts := strings.SplitN(text, ".", 4)
	if len(parts) != 4 {
		return p, bad("after is no place among skips; follow next")
	}
	epoch, epochErr := strconv.ParseUint(parts[1], 10, 32)
	from, fromErr := strconv.ParseInt(parts[2], 10, 64)
	if epochErr != nil || fromErr != nil {
		return p, bad("after is no place among skips; follow next")
	}
	return skipPlace{parts[0], parts[3], uint32(epoch), from}, nil
}
