package pebble

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// TestSecondOwnerIsRefused (B7), in this process and in another one, which is
// named.
func TestSecondOwnerIsRefused(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, dir + "/.", link} {
		_, err = Open(name, quiet())
		if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), filepath.Clean(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	said := inAnotherProcess(t, dir)
	if want := fmt.Sprintf("process %d has it open", os.Getpid()); !strings.Contains(said, want) || !strings.Contains(said, dir) {
		t.Errorf("another process says %q", said)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if said := inAnotherProcess(t, dir); said != "opened" {
		t.Errorf("another process says %q", said)
	}
	s, err = Open(dir, quiet()) // the other one left without a word
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

const otherProcess = "BRIDGE_TEST_OPEN"

func inAnotherProcess(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOtherProcess$")
	cmd.Env = append(os.Environ(), otherProcess+"="+dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(strings.NewReader(string(out))).ReadString('\n')
	return strings.TrimSpace(line)
}

// TestOtherProcess is the other process: it opens the store and leaves without
// closing it.
func TestOtherProcess(t *testing.T) {
	dir := os.Getenv(otherProcess)
	if dir == "" {
		t.Skip("only as another process")
	}
	if _, err := Open(dir, quiet()); err != nil {
		fmt.Println(err)
	} else {
		fmt.Println("opened")
	}
	os.Exit(0)
}

// edit changes rows of a closed store behind its back.
func edit(t *testing.T, fs vfs.FS, change func(*pdb.DB)) {
	t.Helper()
	db, err := pdb.Open("db", &pdb.Options{FS: fs, FormatMajorVersion: fileFormat, Logger: logger{log: quiet().Logger}})
	if err != nil {
		t.Fatal(err)
	}
	change(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestUnknownFormatIsRefused (B8), and both versions are named.
func TestUnknownFormatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*pdb.DB)
		says   string
	}{
		"ours": {func(db *pdb.DB) { _ = db.Set(metaKey("format"), []byte{format + 1}, nil) }, "it has format [7], this program reads 6"},
		"none": {func(db *pdb.DB) { _ = db.Delete(metaKey("format"), nil) }, "without a format of ours"},
		"route": {
			func(db *pdb.DB) { _ = db.Set(routeKey("r"), []byte{9, 1}, nil) },
			`route "r": store: unknown format version: a row of format 9, this program reads 1`,
		},
	} {
		fs := vfs.NewMem()
		if err := openIn(t, fs).Close(); err != nil {
			t.Fatal(err)
		}
		edit(t, fs, c.change)
		_, err := open("db", quiet(), fs)
		if !errors.Is(err, store.ErrFormat) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `"db"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOlderFormatIsRead (B8): the store in testdata/format1 was written and
// closed by the program before audit rows, positions and filtered messages.
func TestOlderFormatIsRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	if err := os.CopyFS(dir, os.DirFS("testdata/format1")); err != nil {
		t.Fatal(err)
	}
	id := store.Identity{Route: "orders", Source: "amqp queue orders", By: "revision", Key: "header.key", Revision: "header.rev"}
	want := store.Ledger{
		Delivered: 1, Duplicates: 2, Unverified: 1, Discarded: 3, Archived: 4, Purged: 5, Expired: 6, Imported: 7,
		Redriven: 8, DeadLettered: 1, ParkedTotal: 1, Skipped: 2, Parked: 1, ParkedBytes: 13, Dead: 1,
		Unmirrored: 1,
	}
	k := store.Key{Route: "orders", Name: "a"}
	for version := uint64(1); version <= 3; version++ {
		s, err := Open(dir, quiet())
		if err != nil {
			t.Fatal(err)
		}
		ledger, err := s.Open(t.Context(), id)
		if err != nil || ledger != want {
			t.Errorf("%+v %v", ledger, err)
		}
		r, err := s.Load(t.Context(), k)
		if err != nil || r.Version != version {
			t.Errorf("%+v %v", r, err)
		}
		if err := s.Commit(t.Context(), store.Change{
			Key: k, Version: version, Record: &r, Ledger: store.Ledger{Filtered: 1}, Audit: []store.Audit{{Action: "skip", Key: "a"}},
		})[0]; err != nil {
			t.Fatal(err)
		}
		want.Filtered++
		unmirrored := 0
		for _, err := range s.DeadLetters(t.Context(), store.Query{Route: "orders", Unmirrored: true}) {
			if unmirrored++; err != nil {
				t.Fatal(err)
			}
		}
		if unmirrored != 1 {
			t.Errorf("%d dead letters wait for a mirror, want the one there is", unmirrored)
		}
		var seq uint64
		for a, err := range s.Audits(t.Context(), store.AuditQuery{}) {
			if seq = a.Seq; err != nil {
				t.Fatal(err)
			}
		}
		if seq != version {
			t.Errorf("the last of %d audit rows is number %d", version, seq)
		}
		if is, _, err := s.get(metaKey("format")); err != nil || len(is) != 1 || is[0] != format {
			t.Errorf("format %d after an upgrade, %v", is, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNewerPebbleIsRefused: files of a Pebble format that this one does not
// know.
func TestNewerPebbleIsRefused(t *testing.T) {
	fs := vfs.NewMem()
	if err := openIn(t, fs).Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker.format-version.") {
			if err := fs.Rename("db/"+name, "db/marker.format-version.000999.999"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := open("db", quiet(), fs); !errors.Is(err, store.ErrFormat) {
		t.Error(err)
	}
}

// TestDamagedRowIsItsLanesOwn (B5): a row that cannot be read is an error that
// names the lane, of that lane only.
func TestDamagedRowIsItsLanesOwn(t *testing.T) {
	fs := vfs.NewMem()
	s := openIn(t, fs)
	openRoute(t, s, "r")
	good := store.Key{Route: "r", Name: "good"}
	for _, k := range []store.Key{lane0, good} {
		if err := s.Commit(t.Context(), everything(k, 0, nil))[0]; err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, fs, func(db *pdb.DB) { _ = db.Set(rows.AppendLane(nil, rows.Records, 1, "a", 0), []byte{1, 0}, nil) })
	s = openIn(t, fs)
	defer func() { _ = s.Close() }()
	_, err := s.Load(t.Context(), lane0)
	if !errors.Is(err, rows.ErrCorrupt) || !strings.Contains(err.Error(), `lane "a" of route "r"`) {
		t.Errorf("load: %v", err)
	}
	errs := s.Commit(t.Context(), everything(lane0, 1, nil), everything(good, 1, nil))
	if !errors.Is(errs[0], rows.ErrCorrupt) || errs[1] != nil {
		t.Errorf("commit: %v", errs)
	}
	if r, err := s.Load(t.Context(), good); err != nil || r.Version != 2 {
		t.Error(r.Version, err)
	}
}

// TestFlippedBitIsNotTakenForACrash (B5): damage inside the log is an error at
// Open that names the file. In the last 64 KiB or so of a log that was not
// closed Pebble cannot tell damage from the torn end of a crash.
func TestFlippedBitIsNotTakenForACrash(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := openIn(t, fs)
	openRoute(t, s, "r")
	for v := range uint64(300) {
		if err := s.Commit(t.Context(), everything(lane0, v, nil))[0]; err != nil {
			t.Fatal(err)
		}
	}
	left := fs.CrashClone(vfs.CrashCloneCfg{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := left.List("db")
	if err != nil {
		t.Fatal(err)
	}
	log := slices.MaxFunc(slices.DeleteFunc(names, func(s string) bool { return !isLog(s) }), strings.Compare)
	for _, at := range []int64{50, 5_000, 10_000, 20_000} {
		flip(t, left, "db/"+log, at)
		_, err := open("db", quiet(), left)
		if err == nil || !strings.Contains(err.Error(), log) {
			t.Errorf("byte %d of %s flipped: %v", at, log, err)
		}
		flip(t, left, "db/"+log, at)
	}
	whole(t, openClosed(t, left), "r")
}

// openClosed opens a store that is closed with the test.
func openClosed(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	s := openIn(t, fs)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func flip(t *testing.T, fs vfs.FS, name string, at int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(name, err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// TestDirectoryIsPrivate: messages are in there.
func TestDirectoryIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "db")
	s, err := Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
	st, err := s.Stats(t.Context())
	if err != nil || st.Bytes <= 0 || st.Free <= 0 {
		t.Error(st, err)
	}
	if _, err := Open("/proc/no/such", quiet()); err == nil || errors.Is(err, store.ErrLocked) {
		t.Error(err)
	}
}
