package pebble

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/guard"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// reserveFile keeps room on the disk that nobody else can take.
const reserveFile = "RESERVE"

// How often the reserve is looked after, and how often at most Pebble is asked to
// give back what was removed while there is little room; without a reserve, each
// time.
const (
	reservePace = time.Second
	tidyPace    = 10 * time.Second
)

// reserve is a file that is removed when the disk is full, so that what makes room
// in the store has room to be written: a dead letter that is discarded is first a
// row more, and Pebble gives back its bytes only by writing tables without them.
// While it is gone, intake should pause. It is made anew when there is room for
// two.
type reserve struct {
	files vfs.FS // the real ones
	dir   string
	size  int64
	log   *slog.Logger

	mu      sync.Mutex
	there   bool
	removed time.Time
}

// newReserve finds the reserve, and removes it from a disk that is so full that the
// store might not open.
func newReserve(files vfs.FS, dir string, size int64, log *slog.Logger) *reserve {
	r := &reserve{files: files, dir: dir, size: size, log: log}
	info, err := files.Stat(r.path())
	r.there = err == nil && info.Size() == size
	if err == nil && !r.there { // of another size, or half made
		_ = files.Remove(r.path())
	}
	if free, ok := r.free(); ok && free < size/4 {
		r.Release()
	}
	return r
}

func (r *reserve) path() string { return r.files.PathJoin(r.dir, reserveFile) }

func (r *reserve) free() (int64, bool) {
	u, err := r.files.GetDiskUsage(r.dir)
	if err != nil {
		return 0, false
	}
	return int64(min(u.AvailBytes, 1<<62)), true
}

// Release makes room, and reports whether somebody just did.
func (r *reserve) Release() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.there {
		return time.Since(r.removed) < 10*time.Millisecond // writers come together
	}
	if err := r.files.Remove(r.path()); err != nil && !errors.Is(err, os.ErrNotExist) {
		r.log.Error("store's reserve cannot be removed", "error", err.Error())
		return false
	}
	r.there, r.removed = false, time.Now()
	r.log.Warn("store's disk is full; the store goes on with its reserve", "bytes", r.size, "file", r.path())
	return true
}

// Tight reports whether so little is free that a quarter of a reserve would not
// fit: what is in memory needs that for its table.
func (r *reserve) Tight() bool { return r.lacks(r.size / 4) }

func (r *reserve) lacks(n int64) bool {
	free, ok := r.free()
	return ok && free < n
}

// spent reports whether the reserve is gone.
func (r *reserve) spent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.there
}

// renew makes the reserve if there is room for two.
func (r *reserve) renew(ctx context.Context) {
	if !r.spent() {
		return
	}
	if free, ok := r.free(); !ok || free < 2*r.size {
		return
	}
	if err := r.fill(ctx); err != nil {
		_ = r.files.Remove(r.path())
		if !guard.IsFull(err) && ctx.Err() == nil {
			r.log.Warn("store's reserve cannot be made", "error", err.Error())
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.there = true
}

// fill writes the file. Noise takes its room on every file system, also on one
// that compresses.
func (r *reserve) fill(ctx context.Context) error {
	f, err := r.files.Create(r.path(), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for left := r.size; left > 0 && err == nil; left -= int64(len(noise)) {
		if _, err = f.Write(noise[:min(left, int64(len(noise)))]); err == nil {
			err = ctx.Err()
		}
	}
	return errors.Join(err, f.Close())
}

// keepReserve looks after the reserve until the store is closed.
func (s *Store) keepReserve() {
	var tidied time.Time
	tick := time.NewTicker(reservePace)
	defer tick.Stop()
	for s.calls.begin() {
		if s.care.reserve.renew(s.care.ending); s.isShort() && (s.care.reserve.spent() || time.Since(tidied) >= tidyPace) {
			s.tidy(s.care.ending)
			tidied = time.Now()
		}
		s.calls.end()
		select {
		case <-s.care.ending.Done():
			return
		case <-s.files.Failed():
			return
		case <-tick.C:
		}
	}
}

// isShort reports whether there is so little room that it is worth work to have
// back what was removed.
func (s *Store) isShort() bool {
	r := s.care.reserve
	free, ok := r.free()
	return ok && free < shortOf*r.size
}

// keepsRoom reports whether changes would take the room that is left for removing
// something. Once tables do not fit, nothing can be removed either.
func (s *Store) keepsRoom(changes []store.Change) bool {
	r := s.care.reserve
	return r != nil && r.spent() && r.lacks(r.size/2) && slices.ContainsFunc(changes, func(c store.Change) bool {
		return len(c.Dead)+len(c.Park) > 0
	})
}

// shortOf reserves is little room.
const shortOf = 8

// tidy has Pebble write its large tables without what was removed. By itself it
// does so when much else was written, but intake pauses. It goes table by table: a
// compaction needs room for all that it keeps before it gives any back.
func (s *Store) tidy(ctx context.Context) {
	flushed, err := s.db.AsyncFlush()
	if err != nil || s.failure() != nil {
		return
	}
	select {
	case <-flushed:
	case <-s.files.Failed():
		return
	case <-ctx.Done():
		return
	}
	for _, t := range []rows.Table{rows.Dead, rows.Parked, rows.Archive} {
		for _, sp := range s.tablesOf([]byte{byte(t)}) {
			if ctx.Err() != nil || s.failure() != nil {
				return
			}
			if s.hasRemoved(sp) {
				_ = s.db.Compact(ctx, sp.from, sp.to, false) // without room for it: once more later
			}
		}
	}
}

// tablesOf are the spans of keys with a prefix that Pebble's files have below the
// first level, whose files overlap.
func (s *Store) tablesOf(prefix []byte) (spans []span) {
	end := rows.End(prefix)
	levels, err := s.db.SSTables(pdb.WithKeyRangeFilter(prefix, end))
	if err != nil {
		return nil
	}
	for _, tables := range levels[1:] {
		for i := range tables {
			sp := span{from: tables[i].Smallest.UserKey, to: tables[i].Largest.UserKey}
			if bytes.Compare(sp.from, prefix) < 0 {
				sp.from = prefix
			}
			if bytes.Compare(sp.to, end) > 0 {
				sp.to = end
			}
			if bytes.Compare(sp.from, sp.to) < 0 {
				spans = append(spans, sp)
			}
		}
	}
	return spans
}

// hasRemoved reports whether a file over a span says that rows were removed.
func (s *Store) hasRemoved(sp span) bool {
	levels, err := s.db.SSTables(pdb.WithKeyRangeFilter(sp.from, sp.to), pdb.WithProperties())
	if err != nil {
		return false
	}
	for _, tables := range levels {
		for i := range tables {
			if tables[i].Properties.NumDeletions > 0 {
				return true
			}
		}
	}
	return false
}

// startReserve has the store keep some room, if it is to.
func (s *Store) startReserve(fs vfs.FS, o Options) {
	if o.Reserve <= 0 {
		return
	}
	s.care.reserve = newReserve(fs, s.dir, o.Reserve, o.Logger)
	s.files.Relieve(s.care.reserve)
}
