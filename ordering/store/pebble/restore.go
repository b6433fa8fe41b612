package pebble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
)

const (
	// restoringFile is in a directory whose restore was cut short.
	restoringFile = "RESTORING"
	// restoredFile tells of the last restore, for as long as the store lives.
	restoredFile = "RESTORED.json"
)

// errRestoring: an empty store made of half a backup would be taken for a new one.
var errRestoring = errors.New("its restore was cut short; restore it once more")

// Restored tells how a store came out of a backup.
type Restored struct {
	At     time.Time `json:"at"`
	From   string    `json:"from"` // the backup's directory
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Backup Backup    `json:"backup"`
}

// ReadBackup reads what a backup says of itself, and that its files are there.
func ReadBackup(dir string) (b Backup, err error) {
	doc, err := os.ReadFile(filepath.Join(dir, BackupFile))
	if errors.Is(err, os.ErrNotExist) {
		return b, fmt.Errorf("%w: %s has no %s: it is no backup, or one that was cut short", ErrBackup, dir, BackupFile)
	}
	if err == nil {
		err = json.Unmarshal(doc, &b)
	}
	switch {
	case err != nil:
		return b, fmt.Errorf("%w: %s: %w", ErrBackup, BackupFile, err)
	case b.Format != backupFormat:
		return b, fmt.Errorf("%w: %s has format %d, this program reads %d", store.ErrFormat, BackupFile, b.Format, backupFormat)
	}
	b.Dir = dir
	for name, size := range b.Files {
		if name != filepath.Base(name) {
			return b, fmt.Errorf("%w: %s names a file %q", ErrBackup, BackupFile, name)
		}
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			return b, fmt.Errorf("%w: it is not whole: %w", ErrBackup, err)
		}
		if info.Size() != size {
			return b, fmt.Errorf("%w: it is not whole: %s has %d bytes, it had %d", ErrBackup, name, info.Size(), size)
		}
	}
	return b, nil
}

// Restore makes a store of a backup, in a directory that must be missing or empty.
// It is checked, has an audit row in each of its routes, and keeps its id: it is
// the same store, earlier. What it does not know is what happened since.
//
// The store that the backup was made of must not run any more: two bridges with
// the same store would each take the other for a predecessor.
func Restore(ctx context.Context, from, to, by, reason string) (Restored, error) {
	r := Restored{At: time.Now().UTC(), By: by, Reason: reason}
	var err error
	if r.From, err = filepath.Abs(from); err != nil {
		return r, fmt.Errorf("restore %q: %w", from, err)
	}
	if to, err = filepath.Abs(to); err != nil {
		return r, fmt.Errorf("restore to %q: %w", to, err)
	}
	if r.Backup, err = ReadBackup(r.From); err != nil {
		return r, err
	}
	if err := r.copy(ctx, to); err != nil {
		return r, fmt.Errorf("restore to %q: %w", to, err)
	}
	if err := r.record(ctx, to); err != nil {
		return r, fmt.Errorf("restore to %q: %w", to, err)
	}
	report, err := check(ctx, to)
	if err == nil && len(report.Problems) > 0 {
		err = fmt.Errorf("%w: it is damaged: %s", ErrBackup, report.Problems[0])
	}
	if err != nil {
		return r, fmt.Errorf("restore to %q: %w", to, err)
	}
	if err := os.Remove(filepath.Join(to, restoringFile)); err != nil {
		return r, err
	}
	return r, errors.Join(syncDir(to), syncDir(filepath.Dir(to)))
}

// copy fills the directory, which says meanwhile that it is no store yet.
func (r *Restored) copy(ctx context.Context, to string) error {
	if rel, err := filepath.Rel(r.From, to); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("%w: it is in the backup's own directory", ErrBackup)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	lock, err := lockDir(to, vfs.Default)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := sweep(to); err != nil {
		return err
	}
	if err := isEmpty(to); err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(to, restoringFile), []byte("of "+r.From+"\n")); err != nil {
		return err
	}
	if err := syncDir(to); err != nil {
		return err
	}
	for name := range r.Backup.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(r.From, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	brief := *r
	brief.Backup.Files = nil
	return writeJSON(to, restoredFile, brief)
}

// sweep removes what a restore that was cut short has left.
func sweep(dir string) error {
	if finished(dir) == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if n := e.Name(); n == "LOCK" || n == "lost+found" || n == restoringFile {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return os.Remove(filepath.Join(dir, restoringFile))
}

// finished refuses a directory whose restore was cut short.
func finished(dir string) error {
	_, err := os.Lstat(filepath.Join(dir, restoringFile)) //nolint:gosec // the operator names it
	if err == nil {
		return errRestoring
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// record has each route say in its audit that it was restored. It also brings a
// backup of an older format up to date.
func (r *Restored) record(ctx context.Context, dir string) error {
	s, err := open(dir, Options{Logger: slog.New(slog.DiscardHandler)}, vfs.Default)
	if err != nil {
		return err
	}
	var errs []error
	for _, route := range s.counted() {
		errs = append(errs, s.Commit(ctx, store.Change{Key: store.Key{Route: route.Route}, Audit: []store.Audit{{
			At: r.At, By: r.By, Action: "restore", Target: r.Backup.At.Format(time.RFC3339), Reason: r.Reason,
		}}})...)
	}
	return errors.Join(append(errs, s.Close())...)
}

// ReadRestored tells of the last restore of the store in a directory; false: there
// was none.
func ReadRestored(dir string) (r Restored, ok bool) {
	doc, err := os.ReadFile(filepath.Join(dir, restoredFile))
	return r, err == nil && json.Unmarshal(doc, &r) == nil
}
