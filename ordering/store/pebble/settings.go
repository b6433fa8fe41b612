package pebble

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	cerrors "github.com/cockroachdb/errors"
	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/guard"
)

const (
	memtable = 32 << 20
	// reserveHolds memtables are a reserve: the one that is filled and the one that
	// is written to a table, and as much again for the first level below, without
	// whose compaction nothing is given back.
	reserveHolds  = 4
	leastMemtable = 1 << 20
	tableBytes    = 2 << 20 // of a table of the first level; below they are larger
	// fileFormat is fixed, so that a new Pebble does not change the files of
	// an old store unasked. From FormatWALSyncChunks on, the log knows how far
	// it was synced: a flipped bit below that is an error at Open and not taken
	// for the torn end of a crash.
	fileFormat = pdb.FormatTableFormatV6
)

// settings are Pebble's options.
func (s *Store) settings(o Options) *pdb.Options {
	p := &pdb.Options{
		FS:                          s.files,
		Lock:                        s.lock,
		FormatMajorVersion:          fileFormat,
		CacheSize:                   o.Cache + 2*int64(o.memtable),
		MemTableSize:                o.memtable,
		MemTableStopWritesThreshold: 4,
		LBaseMaxBytes:               2 * int64(o.memtable), // what goes there may rewrite all of it
		L0CompactionThreshold:       8,                     // each is a Bloom filter more to ask; with 2 a lane costs half as much again
		MaxOpenFiles:                500,
		Logger:                      logger{s.files, o.Logger},
		EventListener:               listener(o.Logger),
	}
	for i := range p.TargetFileSizes {
		p.TargetFileSizes[i] = min(tableBytes<<i, max(int64(o.memtable)/2, tableBytes)) // one is written anew as a whole
	}
	for i := range p.Levels {
		// Most lookups are for rows that are not there: new lanes, messages
		// that were not parked before.
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return p
}

// logger takes what Pebble says. Fatalf returns, and Pebble goes on as if all
// were well: whoever calls it has to look at the guard afterwards.
type logger struct {
	files *guard.FS
	log   *slog.Logger
}

func (l logger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("store's library", "says", fmt.Sprintf(format, args...))
	}
}

func (l logger) Errorf(format string, args ...any) {
	l.log.Warn("store's library warns", "says", fmt.Sprintf(format, args...))
}

func (l logger) Fatalf(format string, args ...any) {
	l.files.Fail(fmt.Errorf(format, args...))
}

func listener(log *slog.Logger) *pdb.EventListener {
	var last atomic.Int64 // when background work was last said to fail
	return &pdb.EventListener{
		BackgroundError: func(err error) {
			now := time.Now().UnixNano()
			if then := last.Load(); now-then < int64(quietFor) || !last.CompareAndSwap(then, now) {
				return
			}
			log.Warn("store's background work fails and is tried again", "error", err.Error())
		},
		DataCorruption: func(i pdb.DataCorruptionInfo) {
			log.Error("store's file is damaged", "file", i.Path, "error", fmt.Sprint(i.Details))
		},
		WriteStallBegin: func(i pdb.WriteStallBeginInfo) { log.Warn("store's disk is behind; commits wait", "reason", i.Reason) },
		WriteStallEnd:   func() { log.Info("store's disk has caught up") },
	}
}

// quietFor is how long Pebble's background work may fail without another word.
const quietFor = 10 * time.Second

// lockDir takes the directory for this process.
func lockDir(dir string, files vfs.FS) (*pdb.Lock, error) {
	lock, err := pdb.LockDirectory(dir, files)
	var path *fs.PathError
	switch {
	case err == nil:
		return lock, nil
	case errors.As(err, &path): // the file cannot be opened: that is another trouble
		return nil, err
	case isHeld(err):
		return nil, fmt.Errorf("%w: %s", store.ErrLocked, holder(files.PathJoin(dir, "LOCK")))
	}
	return nil, fmt.Errorf("%w: %w", store.ErrLocked, err)
}

// explain makes an error of opening Pebble one that an operator understands:
// with the file that Pebble keeps in the details, and told apart from others.
func explain(err error) error {
	if details := cerrors.FlattenDetails(err); details != "" {
		err = fmt.Errorf("%w (%s)", err, details)
	}
	switch {
	case guard.IsFull(err):
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case strings.Contains(err.Error(), "format major version"): // Pebble has no error value for it
		return fmt.Errorf("%w: this program writes Pebble's format %d: %w", store.ErrFormat, uint64(fileFormat), err)
	}
	return err
}
