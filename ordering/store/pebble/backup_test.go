package pebble

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
)

// openDir opens a store on the real disk with n changes of lane0 in it.
func openDir(t *testing.T, dir string, n int) *Store {
	t.Helper()
	s, err := Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	openRoute(t, s, "r")
	if _, err := fill(t.Context(), s, n); err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// restored restores a backup and opens the store it makes.
func restored(t *testing.T, from string) *Store {
	t.Helper()
	to := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(t.Context(), from, to, "ann", "test"); err != nil {
		t.Fatal(err)
	}
	s, err := Open(to, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestI1_BackupUnderLoad: whatever was reported durable before a backup began is
// in it, every change whole, while commits go on.
func TestI1_BackupUnderLoad(t *testing.T) {
	s := openDir(t, filepath.Join(t.TempDir(), "db"), 0)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { _, _ = fill(ctx, s, 100_000) })
	for n := range 3 {
		for {
			r, err := s.Load(t.Context(), lane0)
			if err != nil {
				t.Fatal(err)
			}
			if r.Version > uint64(10*n) {
				break
			}
		}
		before, err := s.Load(t.Context(), lane0)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "backup")
		b, err := s.Backup(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Fatal(info.Mode(), err)
		}
		copied := restored(t, dir)
		got := wholeRestored(t, copied)
		if got < before.Version || int64(got) != b.Routes[0].Ledger.Delivered {
			t.Errorf("%d changes are in the backup that says %d, %d were durable before it", got, b.Routes[0].Ledger.Delivered, before.Version)
		}
		if copied.ID() != s.ID() || b.Store != s.ID() {
			t.Errorf("the ids are %s, %s and %s", s.ID(), b.Store, copied.ID())
		}
	}
}

// wholeRestored takes out the audit row of the restore and counts the changes.
func wholeRestored(t *testing.T, s *Store) uint64 {
	t.Helper()
	var last store.Audit
	for a, err := range s.Audits(t.Context(), store.AuditQuery{Route: "r"}) {
		if last = a; err != nil {
			t.Fatal(err)
		}
	}
	if last.Action != "restore" || last.By != "ann" || last.Reason != "test" {
		t.Errorf("the last audit row is %+v", last)
	}
	return whole(t, s, "r")["a"]
}

// TestBackupGoesNowhereElse: not into the store, not over something, not to a
// place that depends on where the bridge was started.
func TestBackupGoesNowhereElse(t *testing.T) {
	root := t.TempDir()
	own := filepath.Join(root, "db")
	s := openDir(t, own, 3)
	full := filepath.Join(root, "full")
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	for dir, says := range map[string]string{
		own:                                "store's own directory",
		own + "/in":                        "store's own directory",
		link + "/in":                       "store's own directory",
		link:                               "store's own directory",
		root + "/x/../db/y":                "no such file",
		full:                               "is not empty",
		"relative":                         "in full",
		"../relative":                      "in full",
		filepath.Join(root, "no", "mount"): "no such file",
	} {
		if _, err := s.Backup(t.Context(), dir); !errors.Is(err, ErrBackup) || !strings.Contains(err.Error(), says) {
			if dir != root+"/x/../db/y" || !strings.Contains(err.Error(), "store's own directory") {
				t.Errorf("%s: %v", dir, err)
			}
		}
	}
	if names, err := os.ReadDir(own); err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	for _, name := range []string{"in", "y", partDir} {
		if _, err := os.Lstat(filepath.Join(own, name)); err == nil {
			t.Errorf("%s was made in the store", name)
		}
	}
	empty := filepath.Join(root, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(t.Context(), empty); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(empty); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
}

// TestBackupsTroubleIsNotTheStores: a backup disk that is full or broken fails the
// backup, which is no backup then, and nothing else.
func TestBackupsTroubleIsNotTheStores(t *testing.T) {
	for _, op := range []string{"create", "write", "sync"} {
		fs := &brokenDir{FS: vfs.Default}
		own := filepath.Join(t.TempDir(), "db")
		s, err := open(own, quiet(), fs)
		if err != nil {
			t.Fatal(err)
		}
		openRoute(t, s, "r")
		said, err := fill(t.Context(), s, 40)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "backup")
		fs.breaks.Store(&[2]string{dir, op})
		if _, err := s.Backup(t.Context(), dir); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", op, err)
		}
		if s.files.Full() || s.files.Err() != nil {
			t.Errorf("%s: full %v, failed %v", op, s.files.Full(), s.files.Err())
		}
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("%s: something is left", op)
		}
		fs.breaks.Store(nil)
		if _, err := s.Backup(t.Context(), dir); err != nil {
			t.Errorf("%s: the next: %v", op, err)
		}
		if err := s.Commit(t.Context(), everything(lane0, said, nil))[0]; err != nil {
			t.Error(err)
		}
		mustClose(t, s)
	}
}

// TestBackupEndsWithItsContext and with the store.
func TestBackupEndsWithItsContext(t *testing.T) {
	s := openDir(t, filepath.Join(t.TempDir(), "db"), 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := s.Backup(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.care.end() // as Close does
	if _, err := s.Backup(t.Context(), dir); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	mustClose(t, s)
	if _, err := s.Backup(t.Context(), dir); !errors.Is(err, store.ErrClosed) {
		t.Error(err)
	}
}

// TestRestoreTakesOnlyWholeBackups, into nothing but an empty directory.
func TestRestoreTakesOnlyWholeBackups(t *testing.T) {
	root := t.TempDir()
	own := filepath.Join(root, "db")
	s := openDir(t, own, 60)
	dir := filepath.Join(root, "backup")
	if _, err := s.Backup(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(root, "to")
	refused := func(name, from, to, says string) {
		t.Helper()
		if _, err := Restore(t.Context(), from, to, "ann", "test"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("a running store", dir, own, "in use by another process")
	refused("no backup", own, to, "no backup")
	refused("into itself", dir, dir, "own directory")
	refused("below itself", dir, filepath.Join(dir, "x"), "own directory")
	marker := filepath.Join(dir, BackupFile)
	if err := os.Rename(marker, marker+".tmp"); err != nil {
		t.Fatal(err)
	}
	refused("cut short", dir, to, "cut short")
	if err := os.Rename(marker+".tmp", marker); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	away := tables[0] + ".away"
	if err := os.Rename(tables[0], away); err != nil {
		t.Fatal(err)
	}
	refused("a file is missing", dir, to, "not whole")
	if _, err := os.Lstat(to); err == nil {
		t.Error("something was made of half a backup")
	}
	if err := os.Rename(away, tables[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), dir, to, "ann", "test"); err != nil {
		t.Fatal(err)
	}
	refused("over a store", dir, to, "is not empty")
	if r, ok := ReadRestored(to); !ok || r.From != dir || r.Backup.Store != s.ID() || r.Backup.At.IsZero() {
		t.Errorf("%+v %v", r, ok)
	}
}

// TestCutShortRestoreIsNoStore: not one to run with, and one to restore again.
func TestCutShortRestoreIsNoStore(t *testing.T) {
	root := t.TempDir()
	s := openDir(t, filepath.Join(root, "db"), 60)
	dir, to := filepath.Join(root, "backup"), filepath.Join(root, "to")
	if _, err := s.Backup(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	r := Restored{From: dir}
	var err error
	if r.Backup, err = ReadBackup(dir); err != nil {
		t.Fatal(err)
	}
	if err := r.copy(t.Context(), to); err != nil { // and no further
		t.Fatal(err)
	}
	if _, err := Open(to, quiet()); !errors.Is(err, errRestoring) {
		t.Error(err)
	}
	if _, err := OpenReadOnly(to, quiet()); !errors.Is(err, errRestoring) {
		t.Error(err)
	}
	if _, err := Check(t.Context(), to); !errors.Is(err, errRestoring) {
		t.Error(err)
	}
	if _, err := Restore(t.Context(), dir, to, "ann", "test"); err != nil {
		t.Fatal(err)
	}
	again, err := Open(to, quiet())
	if err != nil {
		t.Fatal(err)
	}
	wholeRestored(t, again)
	mustClose(t, again)
}

// TestOpenReadOnly looks, and makes nothing.
func TestOpenReadOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	if _, err := OpenReadOnly(dir, quiet()); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("it was made")
	}
	s := openDir(t, dir, 5)
	if _, err := OpenReadOnly(dir, quiet()); !errors.Is(err, store.ErrLocked) {
		t.Error(err)
	}
	mustClose(t, s)
	before := sizes(t, dir)
	s, err := OpenReadOnly(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if whole(t, s, "r")["a"] != 5 {
		t.Error("not all is there")
	}
	mustClose(t, s)
	if after := sizes(t, dir); after != before {
		t.Errorf("the files were\n%s and are\n%s", before, after)
	}
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS("testdata/format1")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReadOnly(old, quiet()); !errors.Is(err, store.ErrFormat) {
		t.Error(err)
	}
}

// sizes are the files of a directory.
func sizes(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		if e.Name() == "LOCK" {
			continue // it is taken and left
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(e.Name() + " " + info.ModTime().String() + "\n")
	}
	return b.String()
}

// brokenDir is another volume, which fails one kind of operation.
type brokenDir struct {
	vfs.FS
	breaks atomic.Pointer[[2]string] // a directory, an operation
}

func (fs *brokenDir) try(op, name string) error {
	if b := fs.breaks.Load(); b != nil && strings.HasPrefix(name, b[0]) && b[1] == op {
		return syscall.ENOSPC
	}
	return nil
}

func (fs *brokenDir) Link(old, name string) error {
	if b := fs.breaks.Load(); b != nil && strings.HasPrefix(name, b[0]) {
		return syscall.EXDEV
	}
	return fs.FS.Link(old, name)
}

func (fs *brokenDir) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.try("create", name); err != nil {
		return nil, err
	}
	f, err := fs.FS.Create(name, c)
	return &brokenFile{f, fs, name}, err
}

type brokenFile struct {
	vfs.File
	fs   *brokenDir
	name string
}

func (f *brokenFile) Write(p []byte) (int, error) {
	if err := f.fs.try("write", f.name); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *brokenFile) Sync() error {
	if err := f.fs.try("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *brokenFile) SyncData() error {
	if err := f.fs.try("sync", f.name); err != nil {
		return err
	}
	return f.File.SyncData()
}

// TestBackupOfAStoreThatRests, of an older format too, is restored like any other.
func TestBackupOfAStoreThatRests(t *testing.T) {
	own := closedStore(t, 30)
	s := openDir(t, own, 0)
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := BackupOffline(t.Context(), own, dir); !errors.Is(err, store.ErrLocked) {
		t.Errorf("of a running store: %v", err)
	}
	mustClose(t, s)
	if _, err := BackupOffline(t.Context(), own, filepath.Join(own, "x")); !errors.Is(err, ErrBackup) {
		t.Error(err)
	}
	before := sizes(t, own)
	b, err := BackupOffline(t.Context(), own, dir)
	if err != nil || b.Routes[0].Ledger.Dead != 30 {
		t.Fatal(b, err)
	}
	if after := sizes(t, own); after != before {
		t.Errorf("the files were\n%s and are\n%s", before, after)
	}
	if got := wholeRestored(t, restored(t, dir)); got != 30 {
		t.Errorf("%d changes", got)
	}
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS("testdata/format1")); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "backup")
	if b, err = BackupOffline(t.Context(), old, dir); err != nil || b.StoreFormat != 1 {
		t.Fatal(b, err)
	}
	if l, err := restored(t, dir).Ledger(t.Context(), "orders"); err != nil || l.Dead != 1 {
		t.Error(l, err)
	}
	if info, err := Inspect(old); err != nil || info.Format != 1 || info.Routes[0].Ledger.Dead != 1 || info.Free == 0 || info.Restored != nil {
		t.Errorf("%+v %v", info, err)
	}
}
