package admin

import (
	"context"
	"encoding/base64"
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

// A gap whose time is over blocks its key like a dead letter, and operators look
// for it among them. So it is shown there, as an entry without a message that
// counts nowhere. Its id names the key.

const (
	gapPrefix = "gap-"
	gapReason = "gap_timeout"
)

// gapID is the id of the entry for a key's gap: its name, and its epoch if there
// is one.
func gapID(k store.Key) string {
	id := gapPrefix + base64.RawURLEncoding.EncodeToString([]byte(k.Name))
	if k.Epoch > 0 {
		id += "." + strconv.FormatUint(uint64(k.Epoch), 10)
	}
	return id
}

// gapOf reads such an id.
func gapOf(id string) (key string, epoch uint32, ok bool) {
	text, ok := strings.CutPrefix(id, gapPrefix)
	if !ok {
		return "", 0, false
	}
	text, number, more := strings.Cut(text, ".")
	if more {
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return "", 0, false
		}
		epoch = uint32(n)
	}
	name, err := base64.RawURLEncoding.DecodeString(text)
	return string(name), epoch, err == nil && len(name) > 0
}

// gapLetter is a lane's gap as an entry among the dead letters.
func gapLetter(rec *store.Record) api.DeadLetter {
	return api.DeadLetter{
		Route: rec.Key.Route, ID: gapID(rec.Key), KeyName: api.NewKeyName(rec.Key.Name), Epoch: rec.Key.Epoch,
		Revision: revision(rec.State.Next), InOrder: true, Reason: gapReason, At: rec.Since, Bodiless: true,
		Error: fmt.Sprintf("%s did not come in time; %s parked behind", spell(missing(&rec.State, rec.State.Lowest)), counted(rec.State.Parked, "message is", "messages are")),
	}
}

// missing are the revisions that a gap lacks, where lowest is the first that
// waits behind it; nil where that is not known.
func missing(st *lane.State, lowest lane.Revision) *api.Range {
	switch {
	case st.Next < 0:
		return nil
	case lowest <= st.Next:
		return &api.Range{From: int64(st.Next), To: int64(st.Next)}
	}
	return &api.Range{From: int64(st.Next), To: int64(lowest) - 1}
}

// spell is a range as people say it.
func spell(r *api.Range) string {
	switch {
	case r == nil:
		return "a revision"
	case r.From == r.To:
		return fmt.Sprintf("revision %d", r.From)
	}
	return fmt.Sprintf("revisions %d to %d", r.From, r.To)
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// gaps adds the entries for gaps to a page, behind its dead letters. The page
// breaks between keys, because a list goes on behind a key.
func (s *Server) gaps(ctx context.Context, f letterQuery, page *api.Page[api.DeadLetter]) (after string, err error) {
	q := store.Query{Route: f.Route, Key: f.Key, Blocked: true}
	q.After, _, _ = gapOf(f.After)
	began, last := time.Now(), ""
	for rec, err := range s.cfg.Store.Lanes(ctx, q) {
		switch {
		case errors.Is(err, store.ErrNotFound):
			return "", nil
		case err != nil:
			return "", err
		case last != "" && rec.Key.Name != last && (len(page.Items) >= f.Limit || time.Since(began) > lookTime):
			return gapID(store.Key{Name: last}), nil
		}
		if last = rec.Key.Name; rec.State.Mode == lane.GapBlocked {
			page.Items = append(page.Items, gapLetter(&rec))
		}
	}
	return "", nil
}

// gapEntry shows the entry for a gap, or answers that there is none.
func (s *Server) gapEntry(w http.ResponseWriter, r *http.Request, route, key string, epoch uint32) {
	records, err := s.lanes(r.Context(), store.Query{Route: route, Key: key})
	if err != nil {
		s.failed(w, err)
		return
	}
	for _, rec := range records {
		if rec.Key.Epoch == epoch && rec.State.Mode == lane.GapBlocked {
			answer(w, http.StatusOK, api.DeadLetterDetail{
				DeadLetter: gapLetter(&rec), Headers: []api.Header{}, Body: api.Bytes{Null: true},
			})
			return
		}
	}
	noLetter(w, route)
}
