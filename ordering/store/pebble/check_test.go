package pebble

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// checked checks a store and returns what it found, as text.
func checked(t *testing.T, dir string) (Report, string) {
	t.Helper()
	before := sizes(t, dir)
	r, err := Check(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if after := sizes(t, dir); after != before {
		t.Errorf("the check changed\n%s to\n%s", before, after)
	}
	var says []string
	for _, p := range r.Problems {
		says = append(says, p.String())
	}
	return r, strings.Join(says, "\n")
}

// closedStore makes a store with n changes and closes it.
func closedStore(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "db")
	mustClose(t, openDir(t, dir, n))
	return dir
}

// editDir changes rows of a closed store behind its back.
func editDir(t *testing.T, dir string, change func(*pdb.DB)) {
	t.Helper()
	db, err := pdb.Open(dir, &pdb.Options{FormatMajorVersion: fileFormat, Logger: logger{log: quiet().Logger}})
	if err != nil {
		t.Fatal(err)
	}
	change(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCheckOfASoundStore finds nothing, also in one that was not closed.
func TestCheckOfASoundStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	s := openDir(t, dir, 60)
	backup := filepath.Join(t.TempDir(), "backup")
	if _, err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("of a running store: %v", err)
	}
	mustClose(t, s)
	for _, dir := range []string{dir, backup} {
		r, says := checked(t, dir)
		if says != "" || r.Store != s.ID() || r.Format != format || r.Tables == 0 || r.Rows < 60*4 || r.AuditSeq != 12 ||
			len(r.Routes) != 1 || r.Routes[0].Ledger.Dead != 60 {
			t.Errorf("%+v\n%s", r, says)
		}
	}
	if _, err := Check(t.Context(), t.TempDir()); err == nil {
		t.Error("a directory without a store is sound")
	}
}

// TestCheckPassesOverWhatIsNotUsed: a crash leaves half a table, which the next
// start removes. It is none of the store.
func TestCheckPassesOverWhatIsNotUsed(t *testing.T) {
	dir := closedStore(t, 10)
	if err := os.WriteFile(filepath.Join(dir, "987654.sst"), []byte("half a table"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, says := checked(t, dir); says != "" || r.Tables == 0 {
		t.Errorf("%d tables: %s", r.Tables, says)
	}
}

// TestCheckFindsWhatDoesNotAgree: each row that is missing, too many or wrong is
// reported, with where it is.
func TestCheckFindsWhatDoesNotAgree(t *testing.T) {
	sound := closedStore(t, 6)
	lane := rows.AppendLane(nil, rows.Records, 1, "a", 0)
	in := func(table rows.Table, rest ...byte) []byte { return append(rows.AppendRoute(nil, table, 1), rest...) }
	of := func(table rows.Table) []byte { return append([]byte{byte(table)}, lane[1:]...) }
	id := []byte(deadID(lane0, 5))
	letter := everything(lane0, 5, nil).Dead[0]
	place := func(index []byte) []byte { return rows.AppendPlace(index, letter.At, letter.ID) }
	brief := rows.AppendBrief(nil, &letter, rows.FingerprintOf(&letter))
	for name, c := range map[string]struct {
		change func(*pdb.DB)
		says   string
	}{
		"a lane that cannot be read": {func(db *pdb.DB) { _ = db.Set(lane, []byte{1, 0}, nil) }, `lanes "a" in epoch 0 of route "r": corrupt row`},
		"not in the index of the blocked": {
			func(db *pdb.DB) { _ = db.Delete(of(rows.Blocked), nil) },
			`lanes "a" in epoch 0 of route "r": it is blocked: true, in the index of the blocked: false`,
		},
		"blocked without a lane": {func(db *pdb.DB) { _ = db.Set(rows.AppendLane(nil, rows.Blocked, 1, "b", 0), nil, nil) }, "there is no such lane"},
		"a parked message is gone": {
			func(db *pdb.DB) { _ = db.Delete(rows.AppendRevision(of(rows.Parked), 3), nil) },
			"it has 5 parked messages, it says 6",
		},
		"parked cannot be read": {func(db *pdb.DB) { _ = db.Set(rows.AppendRevision(of(rows.Parked), 3), []byte{1}, nil) }, "parked "},
		"a dead letter is gone": {func(db *pdb.DB) { _ = db.Delete(in(rows.Dead, id...), nil) }, `dead of route "r": it says 6, there are 5`},
		"a dead letter is gone, by time": {
			func(db *pdb.DB) { _ = db.Delete(in(rows.Dead, id...), nil) },
			"dead letters by time ",
		},
		"a dead letter is not in its index": {
			func(db *pdb.DB) { _ = db.Delete(place(rows.AppendName(in(rows.DeadByName), "a")), nil) },
			`is not in the index 'n'`,
		},
		"an index of nothing":  {func(db *pdb.DB) { _ = db.Set(append(place(in(rows.DeadByTime)), 'x'), brief, nil) }, "there is no dead letter"},
		"an index of another":  {func(db *pdb.DB) { _ = db.Set(place(rows.AppendName(in(rows.DeadByName), "b")), brief, nil) }, "does not stand where it belongs"},
		"mirrored by accident": {func(db *pdb.DB) { _ = db.Delete(place(in(rows.Unmirrored)), nil) }, `unmirrored of route "r": it says 1, there are 0`},
		"a group that miscounts": {
			func(db *pdb.DB) {
				f := rows.FingerprintOf(&letter)
				_ = db.Set(rows.AppendGroup(nil, 1, f), rows.AppendGroupRow(nil, &store.Group{Dead: 7}), nil)
			},
			`it says 7 dead letters, 0 keys, 0 parked, there are 6 dead letters, 0 keys, 0 parked`,
		},
		"a group too many": {
			func(db *pdb.DB) {
				_ = db.Set(rows.AppendGroup(nil, 1, rows.Fingerprint{9}), rows.AppendGroupRow(nil, &store.Group{Dead: 1}), nil)
			},
			`groups 0900000000000000 of route "r": it says 1 dead letters`,
		},
		"an archive that was not counted": {
			func(db *pdb.DB) {
				_ = db.Set(in(rows.Archive, 'x'), rows.AppendArchived(nil, &store.Archived{}, rows.Fingerprint{}), nil)
			},
			`kept of route "r": it says 6, there are 7`,
		},
		"an open skip of nothing": {
			func(db *pdb.DB) {
				skip := store.Skip{From: 99, To: 99, At: time.Unix(5, 0)}
				_ = db.Set(rows.AppendOpenSkip(nil, 1, skip.At, lane[5:], 99), rows.AppendSkip(nil, &skip), nil)
			},
			`lane "a" has no range from 99`,
		},
		"an event too many":    {func(db *pdb.DB) { _ = db.Set(rows.AppendSeq(in(rows.Events), 9), nil, nil) }, `unsent of route "r"`},
		"an audit row is gone": {func(db *pdb.DB) { _ = db.Delete(rows.AppendSeq([]byte{byte(rows.Audits)}, 1), nil) }, "audit row 1 is missing"},
		"an audit row was altered": {
			func(db *pdb.DB) {
				_ = db.Set(rows.AppendSeq([]byte{byte(rows.Audits)}, 1), rows.AppendAudit(nil, &store.Audit{Route: "r", Key: "a", Action: "nothing"}), nil)
			},
			"audit row 1 is not what was written",
		},
		"the last audit rows are gone": {
			func(db *pdb.DB) { _ = db.Delete(rows.AppendSeq([]byte{byte(rows.Audits)}, 2), nil) },
			"the head is 2",
		},
		"an audit row is not indexed": {
			func(db *pdb.DB) {
				_ = db.Delete(rows.AppendSeq(rows.AppendName(rows.AppendRoute(nil, rows.AuditByKey, 1), "a"), 1), nil)
			}, "row 1 is not in the index by key",
		},
		"a row of no route": {func(db *pdb.DB) { _ = db.Set(rows.AppendRoute(nil, rows.Dead, 7), nil, nil) }, "belongs to no route"},
		"an unknown table":  {func(db *pdb.DB) { _ = db.Set([]byte("!x"), nil, nil) }, "no table of this format"},
		"no route at all":   {func(db *pdb.DB) { _ = db.Set(routeKey("r"), []byte{1}, nil) }, `route "r"`},
	} {
		dir := filepath.Join(t.TempDir(), "db")
		if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
			t.Fatal(err)
		}
		editDir(t, dir, c.change)
		if _, says := checked(t, dir); !strings.Contains(says, c.says) {
			t.Errorf("%s: %q", name, says)
		}
	}
}

// TestCheckNamesTheDamagedFile (B5), whether the store opens or not: a flipped
// bit, a torn end, a file that is gone.
func TestCheckNamesTheDamagedFile(t *testing.T) {
	sound := closedStore(t, 60)
	files := func(pattern string) []string {
		found, err := filepath.Glob(filepath.Join(sound, pattern))
		if err != nil || len(found) == 0 {
			t.Fatal(found, err)
		}
		return found
	}
	tables := files("*.sst")
	table := filepath.Base(tables[len(tables)-1])
	manifest := filepath.Base(files("MANIFEST-*")[0])
	for name, c := range map[string]struct {
		damage func(dir string) error
		file   string
	}{
		"a bit of a table":  {func(dir string) error { flip(t, vfs.Default, filepath.Join(dir, table), 100); return nil }, table},
		"a torn table":      {func(dir string) error { return os.Truncate(filepath.Join(dir, table), 300) }, table},
		"a table is gone":   {func(dir string) error { return os.Remove(filepath.Join(dir, table)) }, strings.TrimSuffix(table, ".sst")},
		"a bit of manifest": {func(dir string) error { flip(t, vfs.Default, filepath.Join(dir, manifest), 20); return nil }, manifest},
	} {
		dir := filepath.Join(t.TempDir(), "db")
		if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(dir); err != nil {
			t.Fatal(err)
		}
		if _, says := checked(t, dir); !strings.Contains(says, "file ") || !strings.Contains(says, c.file) {
			t.Errorf("%s: %q does not name %s", name, says, c.file)
		}
	}
}

// TestCheckOfAnOlderStore: its files and format are checked, not its rows.
func TestCheckOfAnOlderStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	if err := os.CopyFS(dir, os.DirFS("testdata/format1")); err != nil {
		t.Fatal(err)
	}
	r, says := checked(t, dir)
	if says != "" || r.Format != 1 || len(r.Routes) != 1 || r.Routes[0].Ledger == (store.Ledger{}) {
		t.Errorf("%+v\n%s", r, says)
	}
}
