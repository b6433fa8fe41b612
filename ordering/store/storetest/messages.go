package storetest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// park is a change that parks messages in a lane that flows otherwise.
func park(k store.Key, version uint64, ms ...store.Message) store.Change {
	c := step(k, version)
	c.Park = ms
	return c
}

func messageComesBackWhole(t *testing.T, s *subject) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	ms := []store.Message{
		{Rev: 10},
		{
			Rev: 11, ID: "id\x00\xff", Print: math.MaxUint64, ParkedAt: start, Payload: all,
			Metadata: map[string]string{"": "", "a": string(all), string(all): "b", "unicode é": "日本"},
			Tries:    store.Tries{Attempts: 9, FirstFailed: start, LastFailed: start.Add(time.Minute), Class: "transient", Error: "no\nway", Log: someTries()},
		},
		{Rev: 12, Metadata: map[string]string{}, Payload: make([]byte, 1<<20)},
	}
	s.commit(t, park(key("a"), 0, ms...))
	got, err := s.Parked(t.Context(), key("a"), 0, 0)
	must(t, err)
	equal(t, got, ms)
}

func nullIsNotEmpty(t *testing.T, s *subject) {
	k := key("a")
	null, empty := store.Message{Rev: 5}, store.Message{Rev: 6, Payload: []byte{}}
	s.commit(t, store.Change{
		Key: k, Record: flowing(2), Park: []store.Message{null, empty},
		Dead: []store.DeadLetter{{ID: "null", Message: null}, {ID: "empty", Message: empty}},
	})
	ms, err := s.Parked(t.Context(), k, 0, 0)
	must(t, err)
	for i, id := range []string{"null", "empty"} {
		d, err := s.DeadLetter(t.Context(), orders, id)
		must(t, err)
		for _, p := range [][]byte{ms[i].Payload, d.Payload} {
			if (p == nil) != (id == "null") || len(p) != 0 {
				t.Errorf("%s came back as %#v", id, p)
			}
		}
	}
}

func parkedInOrderOfRevisions(t *testing.T, s *subject) {
	k := key("a")
	revs := []lane.Revision{0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 31, 1 << 32, 1 << 62, lane.MaxRevision - 1, lane.MaxRevision}
	var changes []store.Message
	for i := range revs {
		r := revs[len(revs)-1-i]
		changes = append(changes, message(r, fmt.Sprint(r)))
	}
	s.commit(t, park(k, 0, changes...), park(key("a\x00"), 0, message(3, "x")), park(key("Z"), 0, message(4, "y")))
	page := func(from lane.Revision, limit int) (got []lane.Revision) {
		ms, err := s.Parked(t.Context(), k, from, limit)
		must(t, err)
		for _, m := range ms {
			equal(t, m, message(m.Rev, fmt.Sprint(m.Rev)))
			got = append(got, m.Rev)
		}
		return got
	}
	equal(t, page(0, 0), revs)
	equal(t, page(0, 3), revs[:3])
	equal(t, page(2, 2), revs[2:4])
	equal(t, page(lane.MaxRevision, 5), revs[len(revs)-1:])
	c := step(k, 1)
	c.Unpark = []lane.Revision{0, 128, lane.MaxRevision, 77}
	s.commit(t, c)
	equal(t, page(0, 3), []lane.Revision{1, 127, 255})
	equal(t, len(page(lane.MaxRevision, 5)), 0)
}

func findKnowsParkedAndSkipped(t *testing.T, s *subject) {
	k := key("a")
	c := park(k, 0, message(7, "m"), message(1000, "far"))
	c.Skip = []store.Skip{{From: 0, To: 0}, {From: 10, To: 20}, {From: 30, To: 30}, {From: 500, To: lane.MaxRevision}}
	s.commit(t, c, park(key("b"), 0, message(8, "n")))
	for r, want := range map[lane.Revision]store.Found{
		0: {Skipped: true}, 1: {}, 7: {Parked: true, Print: message(7, "m").Print}, 8: {},
		9: {}, 10: {Skipped: true}, 15: {Skipped: true}, 20: {Skipped: true}, 21: {}, 30: {Skipped: true}, 31: {},
		499: {}, 1000: {Parked: true, Print: message(1000, "far").Print, Skipped: true}, lane.MaxRevision: {Skipped: true},
	} {
		got, err := s.Find(t.Context(), k, r)
		must(t, err)
		if got != want {
			t.Errorf("revision %d: got %+v, want %+v", r, got, want)
		}
	}
}

func skipsInOrder(t *testing.T, s *subject) {
	k := key("a")
	skips := []store.Skip{
		{From: 0, To: 2, At: start, By: "gap", Reason: "adopted"},
		{From: 4, To: 4, At: start.Add(time.Second), By: "ann"},
		{From: 300, To: 400, By: "gap", Reason: "line\nbreak"},
	}
	c := step(k, 0)
	c.Skip = []store.Skip{skips[2], skips[0]}
	s.commit(t, c)
	c = step(k, 1)
	c.Skip = []store.Skip{{From: 4, To: 4, By: "bob"}, skips[1]}
	s.commit(t, c)
	got, err := s.Skips(t.Context(), k)
	must(t, err)
	equal(t, got, skips)
}

func deadLetterComesBackWhole(t *testing.T, s *subject) {
	_, err := s.DeadLetter(t.Context(), orders, "d")
	is(t, err, store.ErrNotFound)
	d := store.DeadLetter{
		ID: "01\x00\xff", Lane: true, Key: "a\x00b", Epoch: 1<<32 - 1, Reason: "max_attempts", Target: "topic", At: start,
		Message: message(9, "message"),
	}
	d.Tries = store.Tries{Attempts: 3, FirstFailed: start, LastFailed: start, Class: "permanent", Error: "bad", Log: someTries()}
	d.Fingerprint = "given by the store"
	early := store.DeadLetter{ID: "d"}
	s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{d, early}})
	d, early = kept(d), kept(early)
	for id, want := range map[string]store.DeadLetter{d.ID: d, "d": early} {
		got, err := s.DeadLetter(t.Context(), orders, id)
		must(t, err)
		equal(t, got, want)
		for got, err := range s.DeadLetters(t.Context(), store.Query{Route: orders, Key: want.Key, Limit: 1}) {
			must(t, err)
			equal(t, got, map[string]store.DeadLetter{"": early, d.Key: d}[want.Key])
		}
	}
	s.commit(t, store.Change{Key: key("x"), Gone: []string{"d", "never"}})
	_, err = s.DeadLetter(t.Context(), orders, "d")
	is(t, err, store.ErrNotFound)
}

func deadLettersPageByPlace(t *testing.T, s *subject) {
	var all []string
	for i := range 100 {
		all = append(all, fmt.Sprintf("%03d", i))
	}
	for i := range 40 { // each starts the next
		all = append(all, "a"+strings.Repeat("b", i))
	}
	places := map[string]string{}
	for i, id := range all {
		d := dead(id, "k")
		d.At = start.Add(time.Duration(i/20) * time.Hour)
		places[id] = store.PlaceOf(d.At, id)
		s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{d}})
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(places[a], places[b]) })
	equal(t, s.deadIDs(t, store.Query{}), all)
	equal(t, s.deadIDs(t, store.Query{Key: "k"}), all)
	for _, limit := range []int{1, 16, 33, 100} {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page := s.deadIDs(t, store.Query{After: places[after], Limit: limit})
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		equal(t, got, all)
	}
}

func deadLettersByKey(t *testing.T, s *subject) {
	letters := []store.DeadLetter{dead("3", "a"), dead("1", "a"), dead("2", "a\x00"), dead("4", "ab"), dead("5", "")}
	letters[1].Epoch = 7
	s.commit(t, store.Change{Key: key(""), Dead: letters})
	equal(t, s.deadIDs(t, store.Query{Key: "a"}), []string{"1", "3"})
	equal(t, s.deadIDs(t, store.Query{Key: "a", After: store.PlaceOf(start, "1")}), []string{"3"})
	equal(t, s.deadIDs(t, store.Query{Key: "a\x00"}), []string{"2"})
	equal(t, s.deadIDs(t, store.Query{}), []string{"1", "2", "3", "4", "5"})
	s.commit(t, store.Change{Key: key(""), Gone: []string{"1"}})
	equal(t, s.deadIDs(t, store.Query{Key: "a"}), []string{"3"})
}

func deadLetterIsReplaced(t *testing.T, s *subject) {
	s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{dead("1", "a")}})
	moved := dead("1", "b")
	moved.Reason = "operator"
	s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{moved}})
	equal(t, len(s.deadIDs(t, store.Query{Key: "a"})), 0)
	equal(t, s.deadIDs(t, store.Query{Key: "b"}), []string{"1"})
	got, err := s.DeadLetter(t.Context(), orders, "1")
	must(t, err)
	equal(t, got, kept(moved))
}

func parkedRunsHaveNoMessages(t *testing.T, s *subject) {
	k := key("a")
	var ms []store.Message
	for _, r := range []lane.Revision{0, 1, 2, 127, 128, 255, 256, 257, 65536, lane.MaxRevision - 1, lane.MaxRevision} {
		ms = append(ms, message(r, "x"))
	}
	other := k
	other.Epoch = 1
	s.commit(t, park(k, 0, ms...), park(key("a\x00"), 0, message(3, "x")), park(other, 0, message(4, "y")))
	for _, c := range []struct {
		from lane.Revision
		look int
		want []store.Run
	}{
		{0, 100, []store.Run{{From: 0, To: 2}, {From: 127, To: 128}, {From: 255, To: 257}, {From: 65536, To: 65536}, {From: lane.MaxRevision - 1, To: lane.MaxRevision}}},
		{0, 4, []store.Run{{From: 0, To: 2}, {From: 127, To: 127}}},
		{1, 2, []store.Run{{From: 1, To: 2}}},
		{128, 2, []store.Run{{From: 128, To: 128}, {From: 255, To: 255}}},
		{258, 1, []store.Run{{From: 65536, To: 65536}}},
		{lane.MaxRevision, 5, []store.Run{{From: lane.MaxRevision, To: lane.MaxRevision}}},
	} {
		got, err := s.ParkedRuns(t.Context(), k, c.from, c.look)
		must(t, err)
		equal(t, got, c.want)
	}
	got, err := s.ParkedRuns(t.Context(), key("b"), 0, 100)
	must(t, err)
	equal(t, len(got), 0)
	got, err = s.ParkedRuns(t.Context(), other, 0, 100)
	must(t, err)
	equal(t, got, []store.Run{{From: 4, To: 4}})
}

// someTries are many, in two lives of a message.
func someTries() (l *store.TryLog) {
	for i := range 50 {
		l = l.Add(store.Try{
			At: start.Add(time.Duration(i) * time.Second), Took: time.Duration(i), Class: "transient", Error: fmt.Sprint("no\nway ", i%3),
			Trace: store.Trace{ID: [16]byte{byte(i)}, Span: [8]byte{1, byte(i)}},
		})
		if i == 40 {
			l = l.Redriven()
		}
	}
	return l
}
