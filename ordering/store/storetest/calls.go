package storetest

import (
	"testing"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

func identityIsKept(t *testing.T, s *subject) {
	id := identity(orders)
	s.commit(t, store.Change{Key: key(""), Ledger: store.Ledger{Delivered: 3}})
	l, err := s.Open(t.Context(), id)
	must(t, err)
	equal(t, l, store.Ledger{Delivered: 3})
	for _, change := range []func(*store.Identity){
		func(i *store.Identity) { i.Source = "kafka topic orders" },
		func(i *store.Identity) { i.By = "arrival" },
		func(i *store.Identity) { i.Key = "json.id" },
		func(i *store.Identity) { i.Revision = "" },
	} {
		other := id
		change(&other)
		_, err := s.Open(t.Context(), other)
		is(t, err, store.ErrIdentity)
	}
	_, err = s.Open(t.Context(), id)
	must(t, err)
	if s.ID() == "" || s.ID() != s.Store.ID() {
		t.Fatalf("id %q", s.ID())
	}
	other := s.fresh(t)
	defer func() { _ = other.Close() }()
	if other.ID() == s.ID() {
		t.Fatal("two stores with one id")
	}
}

// reads calls each method that reads and returns the errors.
func reads(t *testing.T, s store.Store, route string) (errs []error) {
	k := store.Key{Route: route, Name: "a"}
	ctx := t.Context()
	_, err := s.Load(ctx, k)
	errs = append(errs, err)
	_, err = s.Parked(ctx, k, 0, 0)
	errs = append(errs, err)
	_, err = s.ParkedRuns(ctx, k, 0, 1)
	errs = append(errs, err)
	_, err = s.Find(ctx, k, 1)
	errs = append(errs, err)
	_, err = s.Skips(ctx, k)
	errs = append(errs, err)
	_, err = s.DeadLetter(ctx, route, "x")
	errs = append(errs, err)
	_, err = s.Ledger(ctx, route)
	errs = append(errs, err)
	_, err = s.Positions(ctx, route)
	errs = append(errs, err, s.SavePositions(ctx, route, store.Position{Next: 1}))
	_, err = s.Seen(ctx, route, 1, []store.SeenPrint{{1}})
	errs = append(errs, err, s.Forget(ctx, route, 1))
	for _, err := range s.Audits(ctx, store.AuditQuery{Route: route}) {
		errs = append(errs, err)
	}
	for _, err := range s.Lanes(ctx, store.Query{Route: route}) {
		errs = append(errs, err)
	}
	for _, err := range s.DeadLetters(ctx, store.Query{Route: route}) {
		errs = append(errs, err)
	}
	return append(errs, s.Commit(ctx, step(k, 0))...)
}

func unknownRouteIsNotFound(t *testing.T, s *subject) {
	errs := reads(t, s, "elsewhere")
	equal(t, len(errs), 15)
	for _, err := range errs {
		is(t, err, store.ErrNotFound)
	}
}

func closedRefusesAll(t *testing.T, s *subject) {
	must(t, s.Close())
	errs := reads(t, s, orders)
	equal(t, len(errs), 15)
	_, err := s.Open(t.Context(), identity(orders))
	_, err2 := s.Stats(t.Context())
	for _, err := range s.Audits(t.Context(), store.AuditQuery{}) {
		errs = append(errs, err)
	}
	equal(t, len(errs), 16)
	for _, err := range append(errs, err, err2, s.Close()) {
		is(t, err, store.ErrClosed)
	}
}

func endedContextStoresNothing(t *testing.T, s *subject) {
	ctx := ended(t)
	for _, err := range s.Commit(ctx, step(key("a"), 0)) {
		is(t, err, ctx.Err())
	}
	_, err := s.Load(ctx, key("a"))
	is(t, err, ctx.Err())
	equal(t, s.load(t, key("a")), store.Record{Key: key("a")})
	is(t, s.SavePositions(ctx, orders, store.Position{Next: 1}), ctx.Err())
	_, err = s.Positions(ctx, orders)
	is(t, err, ctx.Err())
	equal(t, len(s.positions(t, orders)), 0)
	for _, err := range s.Audits(ctx, store.AuditQuery{}) {
		is(t, err, ctx.Err())
	}
}

func versionsHaveFourOutcomes(t *testing.T, s *subject) {
	k := key("a")
	s.commit(t, step(k, 0)) // stored
	equal(t, s.load(t, k).Version, uint64(1))
	is(t, s.Commit(t.Context(), step(k, 0))[0], store.ErrConflict) // already there
	s.commit(t, step(k, 1))
	is(t, s.Commit(t.Context(), step(k, 1))[0], store.ErrConflict) // someone is further
	is(t, s.Commit(t.Context(), step(k, 7))[0], store.ErrConflict) // someone is behind
	r := s.load(t, k)
	equal(t, r.Version, uint64(2))
	equal(t, r.State.Next, lane.Revision(3))
}

func conflictIsOneChangesOwn(t *testing.T, s *subject) {
	s.commit(t, step(key("b"), 0))
	bad := step(key("b"), 0)
	bad.Record = flowing(99)
	bad.Park = []store.Message{message(100, "m")}
	bad.Skip = []store.Skip{{From: 1, To: 2}}
	bad.Dead = []store.DeadLetter{dead("d", "b")}
	errs := s.Commit(t.Context(), step(key("a"), 0), bad, step(key("c"), 0))
	equal(t, []error{errs[0], errs[2]}, []error{nil, nil})
	is(t, errs[1], store.ErrConflict)
	equal(t, s.load(t, key("b")).State, flowing(2).State)
	ms, err := s.Parked(t.Context(), key("b"), 0, 0)
	must(t, err)
	skips, err := s.Skips(t.Context(), key("b"))
	must(t, err)
	equal(t, []int{len(ms), len(skips), len(s.deadIDs(t, store.Query{}))}, []int{0, 0, 0})
	equal(t, s.lanes(t, store.Query{}), []store.Key{key("a"), key("b"), key("c")})
}

func laneNamedTwiceIsRefused(t *testing.T, s *subject) {
	again := step(key("a"), 1)
	again.Record = flowing(50)
	letters := store.Change{Key: key("a"), Dead: []store.DeadLetter{dead("d", "a")}}
	errs := s.Commit(t.Context(), step(key("a"), 0), again, letters)
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Fatal(errs)
	}
	equal(t, s.load(t, key("a")).State, flowing(2).State)
	s.commit(t, step(key("a"), 1))
}

func invalidChangeIsRefusedWhole(t *testing.T, s *subject) {
	k := key("a")
	nameless := park(key(""), 0, message(5, "m"))
	broken := step(k, 0)
	broken.Record = &store.Record{State: lane.State{Parked: -1}}
	for i, c := range []store.Change{
		{Key: k, Park: []store.Message{message(1, "m")}},
		{Key: k, Unpark: []lane.Revision{1}},
		{Key: k, Skip: []store.Skip{{From: 1, To: 2}}},
		{Key: k, Close: []lane.Revision{1}},
		{Key: k, Record: flowing(2), Archive: []store.Archived{{}}},
		{Key: k, Record: flowing(2), Operations: []store.Operation{{}}},
		{Key: k, Record: flowing(2), Dead: []store.DeadLetter{{Reason: "permanent"}}},
		{Key: k, Record: flowing(2), Audit: []store.Audit{act("skip", "a"), act("", "a")}},
		nameless, broken,
	} {
		c.Ledger.Delivered = 1
		if errs := s.Commit(t.Context(), c); errs[0] == nil {
			t.Errorf("change %d was taken", i)
		}
	}
	equal(t, s.ledger(t), store.Ledger{})
	equal(t, len(s.lanes(t, store.Query{})), 0)
	equal(t, len(s.audits(t, store.AuditQuery{})), 0)
}

func argumentsAndResultsAreTheCallers(t *testing.T, s *subject) {
	k := key("a")
	m := message(5, "m")
	d := dead("d", "a")
	c := store.Change{Key: k, Record: flowing(2), Park: []store.Message{m}, Dead: []store.DeadLetter{d}}
	s.commit(t, c)
	spoil := func(m store.Message) { m.Payload[0], m.Metadata["key"] = 'X', "spoilt" }
	spoil(m)
	spoil(d.Message)
	c.Record.State.Next = 99
	for range 2 {
		ms, err := s.Parked(t.Context(), k, 0, 0)
		must(t, err)
		equal(t, ms, []store.Message{message(5, "m")})
		spoil(ms[0])
		got, err := s.DeadLetter(t.Context(), orders, "d")
		must(t, err)
		equal(t, got, kept(dead("d", "a")))
		spoil(got.Message)
	}
	equal(t, s.load(t, k).State, flowing(2).State)
}

// routeHasARecordOfItsOwn: it counts once what a commit of unknown outcome
// repeats, and is no lane.
func routeHasARecordOfItsOwn(t *testing.T, s *subject) {
	c := step(key(""), 0)
	c.Ledger.Delivered = 1
	c.Dead = []store.DeadLetter{dead("d", "a")}
	s.commit(t, c, step(key("a"), 0), store.Change{Key: key(""), Ledger: store.Ledger{Purged: 1}})
	is(t, s.Commit(t.Context(), c)[0], store.ErrConflict)
	equal(t, s.load(t, key("")).Version, uint64(1))
	equal(t, s.ledger(t), store.Ledger{Delivered: 1, Purged: 1, Dead: 1, DeadLettered: 1, Unmirrored: 1})
	gap := step(key(""), 1)
	gap.Record.State.Mode = lane.Gap
	s.commit(t, gap)
	equal(t, s.lanes(t, store.Query{}), []store.Key{key("a")})
	equal(t, len(s.lanes(t, store.Query{Blocked: true})), 0)
}
