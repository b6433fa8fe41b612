// Package storetest is the suite that every implementation of store.Store runs.
//
//	storetest.Run(t, open, reopen)
//
// Tests are named after the duty they hold a store to.
package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Open opens a new, empty store. The suite closes it.
type Open func(t testing.TB) store.Store

// Reopen closes a store and opens what it left behind.
type Reopen func(t testing.TB, s store.Store) store.Store

// suite is one test for each duty.
var suite = []struct {
	name string
	test func(*testing.T, *subject)
}{
	{"IdentityIsKept", identityIsKept},
	{"UnknownRouteIsNotFound", unknownRouteIsNotFound},
	{"ClosedRefusesAll", closedRefusesAll},
	{"EndedContextStoresNothing", endedContextStoresNothing},
	{"RecordComesBackWhole", recordComesBackWhole},
	{"VersionsHaveFourOutcomes", versionsHaveFourOutcomes},
	{"ConflictIsOneChangesOwn", conflictIsOneChangesOwn},
	{"LaneNamedTwiceIsRefused", laneNamedTwiceIsRefused},
	{"InvalidChangeIsRefusedWhole", invalidChangeIsRefusedWhole},
	{"ArgumentsAndResultsAreTheCallers", argumentsAndResultsAreTheCallers},
	{"RouteHasARecordOfItsOwn", routeHasARecordOfItsOwn},
	{"OddKeysAreApart", oddKeysAreApart},
	{"EpochsAreApart", epochsAreApart},
	{"RoutesAreApart", routesAreApart},
	{"LanesInOrderOfKeys", lanesInOrderOfKeys},
	{"LanesPageByKey", lanesPageByKey},
	{"BlockedLanesAreListed", blockedLanesAreListed},
	{"ManyLanesAreListed", manyLanesAreListed},
	{"MessageComesBackWhole", messageComesBackWhole},
	{"NullIsNotEmpty", nullIsNotEmpty},
	{"ParkedInOrderOfRevisions", parkedInOrderOfRevisions},
	{"ParkedRunsHaveNoMessages", parkedRunsHaveNoMessages},
	{"FindKnowsParkedAndSkipped", findKnowsParkedAndSkipped},
	{"SkipsInOrder", skipsInOrder},
	{"DeadLetterComesBackWhole", deadLetterComesBackWhole},
	{"DeadLettersPageByPlace", deadLettersPageByPlace},
	{"DeadLettersByKey", deadLettersByKey},
	{"DeadLetterIsReplaced", deadLetterIsReplaced},
	{"UnmirroredUntilMarked", unmirroredUntilMarked},
	{"UnmirroredWhenWrittenAgain", unmirroredWhenWrittenAgain},
	{"UnmirroredUntilGone", unmirroredUntilGone},
	{"UnmirroredOfARouteAreItsOwn", unmirroredOfARouteAreItsOwn},
	{"LedgerAddsWhatIsGiven", ledgerAddsWhatIsGiven},
	{"LedgerDerivesParked", ledgerDerivesParked},
	{"LedgerDerivesDead", ledgerDerivesDead},
	{"LedgerIgnoresRefusedChanges", ledgerIgnoresRefusedChanges},
	{"LargeCommitIsWhole", largeCommitIsWhole},
	{"AuditComesBackWhole", auditComesBackWhole},
	{"AuditGoesWithItsChange", auditGoesWithItsChange},
	{"AuditsPageBySeq", auditsPageBySeq},
	{"AuditsByRouteAndKey", auditsByRouteAndKey},
	{"PositionsAreKept", positionsAreKept},
	{"PositionsAreReplaced", positionsAreReplaced},
	{"PositionsOfARouteAreItsOwn", positionsOfARouteAreItsOwn},
	{"SeenFromAnEraOn", seenFromAnEraOn},
	{"SeenGoesWithItsChange", seenGoesWithItsChange},
	{"SeenOfARouteIsItsOwn", seenOfARouteIsItsOwn},
	{"ForgetDropsEarlierEras", forgetDropsEarlierEras},
	{"SeenSurvivesReopening", seenSurvivesReopening},
	{"DeadLettersByTimeAndGroup", deadLettersByTimeAndGroup},
	{"NewestDeadLettersFirst", newestDeadLettersFirst},
	{"GroupsCountByCause", groupsCountByCause},
	{"GroupsWithinACall", groupsWithinACall},
	{"GroupsOfARouteAreItsOwn", groupsOfARouteAreItsOwn},
	{"GroupsCountWhatWaits", groupsCountWhatWaits},
	{"ArchiveComesBackWhole", archiveComesBackWhole},
	{"ArchiveByKeyAndGroup", archiveByKeyAndGroup},
	{"ArchiveIsRestored", archiveIsRestored},
	{"OperationsAreReplaced", operationsAreReplaced},
	{"EventsAreKeptUntilSent", eventsAreKeptUntilSent},
	{"EventNumbersAreNotUsedTwice", eventNumbersAreNotUsedTwice},
	{"OpenSkipsUntilClosed", openSkipsUntilClosed},
	{"AuditsAreChained", auditsAreChained},
	{"ConcurrentWritersKeepChains", concurrentWritersKeepChains},
	{"ConcurrentReadersSeeWholeChanges", concurrentReadersSeeWholeChanges},
	{"ConcurrentAuditsHaveNoHole", concurrentAuditsHaveNoHole},
	{"ConcurrentPositionsNeverGoBack", concurrentPositionsNeverGoBack},
	{"ReopenKeepsEverything", reopenKeepsEverything},
	{"ReopenKeepsAuditsAndPositions", reopenKeepsAuditsAndPositions},
	{"Model", model},
}

// Run runs the suite.
func Run(t *testing.T, open Open, reopen Reopen) {
	for _, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			s := &subject{fresh: open, reopen: reopen}
			s.start(t)
			defer s.stop(t)
			c.test(t, s)
		})
	}
}

// subject is the store under test.
type subject struct {
	store.Store
	fresh  Open
	reopen Reopen
}

func (s *subject) start(t testing.TB) {
	s.Store = s.fresh(t)
	_, err := s.Store.Open(t.Context(), identity(orders))
	must(t, err)
}

func (s *subject) stop(t testing.TB) {
	if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
		t.Errorf("close: %v", err)
	}
}

// commit commits changes that have to succeed.
func (s *subject) commit(t testing.TB, changes ...store.Change) {
	t.Helper()
	for i, err := range s.Commit(t.Context(), changes...) {
		if err != nil {
			t.Fatalf("change %d of lane %q: %v", i, changes[i].Key.Name, err) //nolint:gosec // an error per change
		}
	}
}

func (s *subject) load(t testing.TB, k store.Key) store.Record {
	t.Helper()
	r, err := s.Load(t.Context(), k)
	must(t, err)
	return r
}

func (s *subject) ledger(t testing.TB) store.Ledger {
	t.Helper()
	l, err := s.Ledger(t.Context(), orders)
	must(t, err)
	return l
}

func (s *subject) lanes(t testing.TB, q store.Query) (keys []store.Key) {
	t.Helper()
	q.Route = orders
	for r, err := range s.Lanes(t.Context(), q) {
		must(t, err)
		equal(t, r, s.load(t, r.Key))
		keys = append(keys, r.Key)
	}
	return keys
}

func (s *subject) deadIDs(t testing.TB, q store.Query) (ids []string) {
	t.Helper()
	q.Route = orders
	for d, err := range s.DeadLetters(t.Context(), q) {
		must(t, err)
		ids = append(ids, d.ID)
	}
	return ids
}

func (s *subject) audits(t testing.TB, q store.AuditQuery) (rows []store.Audit) {
	t.Helper()
	for a, err := range s.Audits(t.Context(), q) {
		must(t, err)
		rows = append(rows, a)
	}
	return rows
}

func (s *subject) positions(t testing.TB, route string) []store.Position {
	t.Helper()
	ps, err := s.Positions(t.Context(), route)
	must(t, err)
	return ps
}

const orders = "orders"

var start = time.Date(2025, 3, 1, 12, 0, 0, 123456789, time.UTC)

func identity(route string) store.Identity {
	return store.Identity{Route: route, Source: "amqp queue " + route, By: "revision", Key: "header.key", Revision: "header.rev"}
}

func key(name string) store.Key { return store.Key{Route: orders, Name: name} }

// flowing is the record of a lane that has settled all below next.
func flowing(next lane.Revision) *store.Record {
	return &store.Record{State: lane.State{Base: 1, Next: next, Highest: next - 1}}
}

// step is a change that moves a lane from a version on.
func step(k store.Key, version uint64) store.Change {
	return store.Change{Key: k, Version: version, Record: flowing(lane.Revision(version) + 2)}
}

// message is a message whose content is its own.
func message(r lane.Revision, id string) store.Message {
	return store.Message{
		Rev: r, ID: id, Print: lane.Print(r)*7919 + 1,
		Metadata: map[string]string{"key": id, "content-type": "text/plain"},
		Payload:  []byte("payload of " + id), ParkedAt: start,
	}
}

func dead(id, key string) store.DeadLetter {
	return store.DeadLetter{Route: orders, ID: id, Key: key, Reason: "permanent", At: start, Message: message(1, "m-"+id)}
}

// kept is a dead letter as the store returns it.
func kept(d store.DeadLetter) store.DeadLetter {
	d.Route, d.Fingerprint = orders, store.FingerprintOf(&d)
	return d
}

// chained are the first audit rows of a store as it returns them.
func chained(rows ...store.Audit) []store.Audit {
	var hash store.AuditHash
	for i := range rows {
		a := &rows[i]
		a.Seq, a.Route = uint64(i)+1, orders
		a.Hash = a.Sum(hash)
		hash = a.Hash
	}
	return rows
}

// act is the audit row of what an operator did to a key.
func act(action, key string) store.Audit {
	return store.Audit{At: start, By: "ann", Action: action, Key: key, Target: "4-9", Reason: "because"}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("\n got %+v\nwant %+v", got, want)
	}
}

func ended(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// same is equal inside a property, which shrinks what went wrong.
func same(t *rapid.T, got, want any) {
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("\n got %+v\nwant %+v", got, want)
	}
}
