package pebble

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
)

// ErrBackup says that a directory cannot be backed up to, or is no backup.
var ErrBackup = errors.New("store: backup")

const (
	// BackupFile describes a backup. It is written last: a directory without it is
	// no backup, or one that was cut short.
	BackupFile = "BACKUP.json"

	partDir      = "part" // where Pebble makes its copy, within the backup's directory
	backupFormat = 1
)

// Backup describes a backup.
type Backup struct {
	Format      int              `json:"format"` // of this description
	At          time.Time        `json:"at"`     // what was stored before is in it
	Dir         string           `json:"-"`      // where it is
	Store       string           `json:"store"`  // its id
	StoreFormat int              `json:"store_format"`
	Bytes       int64            `json:"bytes"`
	Routes      []Counted        `json:"routes"`
	AuditSeq    uint64           `json:"audit_seq"` // of the last audit row
	AuditHash   string           `json:"audit_hash,omitempty"`
	Files       map[string]int64 `json:"files"` // their sizes
}

// Counted is a route and its ledger.
type Counted struct {
	Route  string       `json:"route"`
	Ledger store.Ledger `json:"ledger"`
}

// Backup copies the store as it is to a directory, which must not be there, or be
// empty; commits go on. The directory is named in full, and only its owner may
// look into it. Where it is on the store's own volume, tables are shared with the
// store (hard links) and take no room. Trouble of the backup's disk is no trouble
// of the store.
func (s *Store) Backup(ctx context.Context, dir string) (Backup, error) {
	if err := s.begin(); err != nil {
		return Backup{}, err
	}
	defer s.calls.end()
	if err := s.take(ctx, s.care.backing); err != nil {
		return Backup{}, err
	}
	made, dir, err := backupDir(s.dir, dir)
	if err != nil {
		s.care.backing <- struct{}{}
		return Backup{}, err
	}
	var b Backup
	ctx, stop := s.care.until(ctx)
	unspare := s.files.Spare(dir, ctx.Err)
	err = s.await(ctx, func() (err error) {
		b, err = finish(ctx, dir, s.checkpoint)
		if err != nil && made {
			_ = os.Remove(dir) // if it is empty
		}
		return err
	}, func() {
		unspare()
		stop()
		s.care.backing <- struct{}{}
	})
	if err != nil {
		return Backup{}, fmt.Errorf("back up to %q: %w", dir, err)
	}
	return b, nil
}

// backupDir makes the directory of a backup of a store and returns its real name.
func backupDir(own, dir string) (made bool, real string, err error) {
	if !filepath.IsAbs(dir) {
		return false, "", fmt.Errorf("%w: name the directory in full, not %q", ErrBackup, dir)
	}
	// Its parent has to be there: a volume that is not mounted is not made up.
	parent, err := filepath.EvalSymlinks(filepath.Dir(filepath.Clean(dir)))
	if err != nil {
		return false, "", fmt.Errorf("%w: %w", ErrBackup, err)
	}
	real = filepath.Join(parent, filepath.Base(filepath.Clean(dir)))
	if err := os.Mkdir(real, 0o700); err == nil {
		made = true
	} else if !errors.Is(err, os.ErrExist) {
		return false, "", fmt.Errorf("%w: %w", ErrBackup, err)
	}
	if real, err = filepath.EvalSymlinks(real); err == nil {
		err = outside(own, real)
	}
	if err == nil {
		err = isEmpty(real)
	}
	if err == nil {
		err = os.Chmod(real, 0o700) //nolint:gosec // a directory; messages are in there
	}
	if err != nil && made {
		_ = os.Remove(real)
	}
	return made, real, err
}

// outside refuses the store's own directory, and what is in it.
func outside(own, dir string) error {
	if real, err := filepath.EvalSymlinks(own); err == nil {
		own = real
	}
	rel, err := filepath.Rel(own, dir)
	if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return fmt.Errorf("%w: %s is in the store's own directory", ErrBackup, dir)
	}
	return nil
}

// isEmpty refuses a directory that has something in it, but for what a new volume
// or a lock leaves there.
func isEmpty(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackup, err)
	}
	for _, n := range names {
		if n.Name() != "LOCK" && n.Name() != "lost+found" {
			return fmt.Errorf("%w: %s is not empty: it has %s", ErrBackup, dir, n.Name())
		}
	}
	return nil
}

// finish makes a backup in an empty directory of what copied puts into a part of
// it.
func finish(ctx context.Context, dir string, copied func(part string) error) (b Backup, err error) {
	at := time.Now().UTC()
	part := filepath.Join(dir, partDir)
	defer func() {
		if err != nil {
			_ = os.RemoveAll(part)
		}
	}()
	if err := copied(part); err != nil {
		return Backup{}, err
	}
	if b, err = describe(part); err != nil {
		return Backup{}, fmt.Errorf("the copy does not open: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return Backup{}, err
	}
	b.At, b.Dir = at, dir
	if err := moveUp(part, dir, &b); err != nil {
		return Backup{}, err
	}
	if err := writeJSON(dir, BackupFile, b); err != nil {
		return Backup{}, err
	}
	return b, syncDir(filepath.Dir(dir))
}

// checkpoint has Pebble make its copy, which ends with what is durable now.
func (s *Store) checkpoint(dir string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.files.Fail(fmt.Errorf("pebble: %v", p))
			err = s.failure()
		}
	}()
	if err := s.db.Checkpoint(dir, pdb.WithFlushedWAL()); err != nil {
		return err
	}
	return s.failure()
}

// describe says what is in a copy. That it can be told shows that it opens.
func describe(dir string) (b Backup, err error) {
	s, err := startReadOnly(dir, Options{Logger: slog.New(slog.DiscardHandler)}.withDefaults())
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, s.Close(), os.Remove(filepath.Join(dir, "LOCK"))) }()
	is, err := s.recall()
	if err != nil {
		return b, err
	}
	b = Backup{Format: backupFormat, Store: s.id, StoreFormat: int(is), Routes: s.counted()}
	if is == format {
		var hash store.AuditHash
		b.AuditSeq, hash, err = s.AuditHead(context.Background())
		b.AuditHash = hex.EncodeToString(hash[:])
	}
	return b, err
}

// BackupOffline copies a store that is not in use, as it is, and of whatever
// format. It fails with store.ErrLocked where a bridge has it.
func BackupOffline(ctx context.Context, from, dir string) (b Backup, err error) {
	if from, err = filepath.Abs(from); err == nil {
		err = finished(from)
	}
	if err == nil {
		err = exists(from)
	}
	if err != nil {
		return b, fmt.Errorf("back up store %q: %w", from, err)
	}
	lock, err := lockDir(from, vfs.Default)
	if err != nil {
		return b, fmt.Errorf("back up store %q: %w", from, err)
	}
	defer func() { _ = lock.Close() }()
	made, dir, err := backupDir(from, dir)
	if err != nil {
		return b, err
	}
	b, err = finish(ctx, dir, func(part string) error { return copyStore(ctx, from, part) })
	if err != nil && made {
		_ = os.Remove(dir) // if it is empty
	}
	return b, err
}

// copyStore copies the files of a store, but for its lock and what is no part of
// it.
func copyStore(ctx context.Context, from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || e.Name() == "LOCK" || e.Name() == reserveFile || e.Name() == restoredFile || e.Name() == BackupFile {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return syncDir(to)
}

// moveUp moves files out of the directory that Pebble insisted on making, which
// everybody might have looked into.
func moveUp(part, dir string, b *Backup) error {
	entries, err := os.ReadDir(part)
	if err != nil {
		return err
	}
	b.Files = map[string]int64{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(part, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
		b.Files[e.Name()] = info.Size()
		b.Bytes += info.Size()
	}
	if err := os.Remove(part); err != nil {
		return err
	}
	return syncDir(dir)
}

// writeJSON writes a file whole or not at all.
func writeJSON(dir, name string, v any) error {
	doc, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, name+".tmp")
	if err := writeSynced(tmp, append(doc, '\n')); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}

func writeSynced(name string, doc []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(doc)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
