package pebble

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// format4 is a copy of a store that was written and closed by the program before
// groups. Lane a is quarantined by dead letter 1 with two messages behind it, lane b
// by none that is there; dead letter 2 was mirrored.
func format4(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "db")
	if err := os.CopyFS(dir, os.DirFS("testdata/format4")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openAt(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var givenUp = time.Date(2025, 3, 1, 12, 0, 0, 123456789, time.UTC)

// upgraded fails unless a store has what was in that of format4.
func upgraded(t *testing.T, s *Store) {
	t.Helper()
	at := func(minute int) time.Time { return givenUp.Add(time.Duration(minute) * time.Minute) }
	row, timeout := store.Tries{Class: "permanent", Error: "row 7 is bad"}, store.Tries{Class: "permanent", Error: "timeout"}
	print := func(tries store.Tries) string {
		return store.FingerprintOf(&store.DeadLetter{Reason: "permanent", Target: "topic", Message: store.Message{Tries: tries}})
	}
	want := []store.Group{
		{Fingerprint: print(row), Reason: "permanent", Class: "permanent", Target: "topic", Error: row.Error, Dead: 2, First: at(1), Last: at(3), Keys: 1, Parked: 2},
		{Fingerprint: print(timeout), Reason: "permanent", Class: "permanent", Target: "topic", Error: timeout.Error, Dead: 1, First: at(2), Last: at(2)},
	}
	slices.SortFunc(want, func(a, b store.Group) int { return int(b.Dead - a.Dead) })
	got, err := s.Groups(t.Context(), "orders")
	slices.SortFunc(got, func(a, b store.Group) int { return int(b.Dead - a.Dead) })
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
	for _, c := range []struct {
		q    store.Query
		want []string
	}{
		{store.Query{}, []string{"2", "3", "1"}},
		{store.Query{Key: "a"}, []string{"2", "1"}},
		{store.Query{Group: print(timeout)}, []string{"3"}},
		{store.Query{Unmirrored: true}, []string{"3", "1"}},
	} {
		c.q.Route = "orders"
		var ids []string
		for d, err := range s.DeadLetters(t.Context(), c.q) {
			if err != nil || d.Fingerprint != store.FingerprintOf(&d) {
				t.Fatal(d, err)
			}
			ids = append(ids, d.ID)
		}
		if !slices.Equal(ids, c.want) {
			t.Errorf("%+v: %q", c.q, ids)
		}
	}
	seq, _, err := store.VerifyAudits(s.Audits(t.Context(), store.AuditQuery{}))
	head, _, err2 := s.AuditHead(t.Context())
	if err := errors.Join(err, err2); err != nil || seq != 2 || head != 2 {
		t.Errorf("%d audit rows of %d, %v", seq, head, err)
	}
	wantLedger := store.Ledger{Parked: 2, ParkedTotal: 2, Dead: 3, DeadLettered: 3, Unmirrored: 2}
	if l, err := s.Ledger(t.Context(), "orders"); err != nil || l != wantLedger {
		t.Errorf("%+v %v", l, err)
	}
	old := []byte{byte(rows.OldUnmirrored)}
	if err := s.scan(old, []byte{old[0] + 1}, func([]byte, []byte) (bool, error) { return false, errors.New("an old row is left") }); err != nil {
		t.Error(err)
	}
}

// TestUpgradeFromFormat4 (B8): what is stored has its place, its group, its cause
// and its hash from then on.
func TestUpgradeFromFormat4(t *testing.T) {
	dir := format4(t)
	for range 2 {
		s := openAt(t, dir)
		upgraded(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := openAt(t, dir)
	defer func() { _ = s.Close() }()
	k := store.Key{Route: "orders", Name: "a"}
	if err := s.Commit(t.Context(), store.Change{
		Key: k, Version: 1, Record: &store.Record{}, Unpark: []lane.Revision{6, 7}, Gone: []string{"1", "2"}, Close: []lane.Revision{2},
		Audit: []store.Audit{{Action: "discard"}},
	})[0]; err != nil {
		t.Fatal(err)
	}
	if gs, err := s.Groups(t.Context(), "orders"); err != nil || len(gs) != 1 || gs[0].Error != "timeout" {
		t.Errorf("%+v %v", gs, err)
	}
	if seq, _, err := store.VerifyAudits(s.Audits(t.Context(), store.AuditQuery{})); err != nil || seq != 3 {
		t.Errorf("%d audit rows, %v", seq, err)
	}
}

// TestUpgradeCutShort: one that a crash ends begins anew.
func TestUpgradeCutShort(t *testing.T) {
	dir := format4(t)
	s, err := start(dir, quiet().withDefaults(), vfs.Default)
	if err != nil {
		t.Fatal(err)
	}
	b := s.db.NewBatch()
	_ = b.Set(metaKey("format"), []byte{format}, nil)
	_ = b.Set(metaKey(upgradeRow), []byte{4}, nil)
	_ = b.Set(rows.AppendGroup(nil, 1, rows.Fingerprint{1}), rows.AppendGroupRow(nil, &store.Group{Dead: 1}), nil)
	_ = b.Set(unmirroredKey(1, givenUp, "2"), rows.AppendBrief(nil, &store.DeadLetter{}, rows.Fingerprint{1}), nil)
	if err := errors.Join(s.db.Apply(b, pdb.Sync), s.restoreRoutes()); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.routes {
		if err := s.upgradeRoute(r, 4); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.hashAudits(), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir)
	defer func() { _ = s.Close() }()
	upgraded(t, s)
}

// TestAuditsCutOff: rows that are missing at the end are noticed, and stay missing.
func TestAuditsCutOff(t *testing.T) {
	dir := format4(t)
	s := openAt(t, dir)
	cut := errors.Join(s.db.Delete(rows.AppendSeq([]byte{byte(rows.Audits)}, 2), pdb.Sync), s.Close())
	s = openAt(t, dir)
	defer func() { _ = s.Close() }()
	seq, _, err := s.AuditHead(t.Context())
	if err := errors.Join(cut, err); err != nil || seq != 2 {
		t.Errorf("the head is %d, %v", seq, err)
	}
	if err := s.Commit(t.Context(), store.Change{Key: store.Key{Route: "orders"}, Audit: []store.Audit{{Action: "skip"}}})[0]; err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.VerifyAudits(s.Audits(t.Context(), store.AuditQuery{})); err == nil {
		t.Error("a row is missing, and nobody says so")
	}
}

// TestUpgradeFromFormat5 (B8): the store in testdata/format5 was written and closed
// by the program before logs of tries. Nothing of it changes, and what fails from
// then on is told.
func TestUpgradeFromFormat5(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	if err := os.CopyFS(dir, os.DirFS("testdata/format5")); err != nil {
		t.Fatal(err)
	}
	k := store.Key{Route: "orders", Name: "a"}
	log := (*store.TryLog)(nil).Add(store.Try{At: givenUp, Class: "transient", Error: "no"})
	for i, want := range []*store.TryLog{nil, log} {
		s := openAt(t, dir)
		parked, err := s.Parked(t.Context(), k, 0, 0)
		if err != nil || len(parked) != 1 || parked[0].Attempts != 3 || !reflect.DeepEqual(parked[0].Log, want) {
			t.Fatalf("%+v %v", parked, err)
		}
		for id, unmirrored := range map[string]bool{"1": true, "2": false} {
			d, err := s.DeadLetter(t.Context(), "orders", id)
			if err != nil || d.Error != "no" || d.Log != nil {
				t.Errorf("%+v %v", d, err)
			}
			found := false
			for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "orders", Unmirrored: true}) {
				found = found || d.ID == id && err == nil
			}
			if found != unmirrored {
				t.Errorf("dead letter %s is mirrored: %v", id, !found)
			}
		}
		parked[0].Log = log
		rec, err := s.Load(t.Context(), k)
		if err != nil || rec.Version != uint64(i)+1 {
			t.Fatalf("%+v %v", rec, err)
		}
		err = s.Commit(t.Context(), store.Change{Key: k, Version: rec.Version, Record: &rec, Park: parked})[0]
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
