// Package pebble keeps lanes on the local disk, in one directory that one
// process owns.
//
// A change is durable before Commit returns nil for it: a commit of a route is
// one write-ahead log record and one fsync however many lanes it has, and the
// commits of several routes share fsyncs. One commit per route is under way at
// a time. The records of its lanes are one row of the route's journal, which is
// folded into rows of the lanes' own now and then.
//
// # When the disk fails
//
// After a failed fsync, a failed write of the log or an error Pebble calls
// fatal, the store freezes its files as they are, and every method returns
// store.ErrFailed with the cause, because what Pebble has in memory may not be
// on the disk. A new process, or a new Open after Close, recovers what is. The
// process is never ended from here; see internal/guard. A block of a table that fails its checksum
// is an error of the reads it is needed for, and names the file.
//
// While the disk is full, commits return store.ErrFull or wait for room until
// their context ends; the store goes on by itself.
package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/guard"
)

// Options of a store. The zero value is a good one.
type Options struct {
	Cache  int64        // bytes of cached table blocks; default 64 MiB
	Logger *slog.Logger // hears about trouble; default slog.Default()
	// Reserve is how many bytes of the disk are kept in a file that is removed when
	// the disk is full, so that dead letters can still be discarded. With less than
	// 128 MiB the store writes smaller tables, which cost it some speed. Default: none.
	Reserve int64

	memtable uint64 // tests have smaller ones, to see them flushed
	journal  int    // and these folded
}

// Store implements store.Store on Pebble.
type Store struct {
	dir   string
	id    string
	db    *pdb.DB
	lock  *pdb.Lock
	files *guard.FS
	known *versions
	calls calls

	grown int // bytes at which a journal is folded
	care  care

	// auditing holds one token: the right to number audit rows, from before they
	// are written until they are durable, so that none is missing before one that
	// is there. Whoever wants it has the turn of its route.
	auditing chan struct{}
	audited  auditHead // belongs to auditing

	mu     sync.RWMutex
	routes map[string]*route // by name
}

var _ store.Store = (*Store)(nil)

// Open opens the store in a directory, which is created if it is missing. It
// fails with store.ErrLocked if the directory is in use and with
// store.ErrFormat if it was written by a version this one cannot read.
func Open(dir string, o Options) (*Store, error) {
	// One spelling per directory: Pebble's lock knows its process's own locks
	// by name, and closing the file under another name would release them.
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	if err := finished(dir); err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	return open(dir, o, vfs.Default)
}

// open is Open on any file system.
func open(dir string, o Options, fs vfs.FS) (*Store, error) {
	s, err := start(dir, o.withDefaults(), fs)
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	if err := s.restore(); err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, errors.Join(err, s.Close()))
	}
	if s.care.reserve != nil {
		go s.keepReserve()
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Cache <= 0 {
		o.Cache = 64 << 20
	}
	if o.memtable == 0 {
		o.memtable = memtable
	}
	if o.Reserve > 0 {
		o.memtable = min(o.memtable, max(uint64(o.Reserve)/reserveHolds, leastMemtable))
	}
	if o.journal == 0 {
		o.journal = journalBytes
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// start locks the directory and opens the database.
func start(dir string, o Options, fs vfs.FS) (*Store, error) {
	if err := fs.MkdirAll(dir, 0o700); err != nil { // messages are in there
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil && fs == vfs.Default {
		dir = real
	}
	lock, err := lockDir(dir, fs)
	if err != nil {
		return nil, err
	}
	s := &Store{
		dir: dir, lock: lock, files: guard.New(fs, o.Logger),
		known: newVersions(versionBytes), routes: map[string]*route{},
		calls: newCalls(), auditing: token(), grown: o.journal, care: newCare(),
	}
	s.startReserve(fs, o)
	if err := s.openDB(o); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func (s *Store) openDB(o Options) (err error) {
	s.db, err = pdb.Open(s.dir, s.settings(o))
	if err != nil {
		return explain(err)
	}
	if err := s.files.Err(); err != nil {
		_ = s.db.Close() // it was opened in a dream
		return explain(err)
	}
	s.files.BePatient()
	return nil
}

// ID implements store.Store.
func (s *Store) ID() string { return s.id }

// Stats implements store.Store.
func (s *Store) Stats(context.Context) (store.Stats, error) {
	if err := s.begin(); err != nil {
		return store.Stats{}, err
	}
	defer s.calls.end()
	st := store.Stats{Bytes: int64(s.db.Metrics().DiskSpaceUsage())}
	if u, err := s.files.GetDiskUsage(s.dir); err == nil {
		st.Free = int64(min(u.AvailBytes, 1<<62))
	}
	return st, nil
}

// begin starts a call; it is ended with calls.end.
func (s *Store) begin() error {
	if !s.calls.begin() {
		return store.ErrClosed
	}
	if err := s.failure(); err != nil {
		s.calls.end()
		return err
	}
	return nil
}

// failure returns why the store failed, or nil.
func (s *Store) failure() error {
	if err := s.files.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrFailed, err)
	}
	return nil
}

// patience is how long Close waits for Pebble, and how long once more for a
// Pebble that was cut off from its files.
const patience = 10 * time.Second

var (
	errFullAtClose = errors.New("closed while the disk was full; all that was reported durable is")
	errSlowClose   = errors.New("did not close in time; all that was reported durable is")
)

// Close implements store.Store. It ends within two times patience: Pebble would
// wait for a disk that is full or stuck as long as that takes, so it is cut off
// from its files, which counts as a failure but costs nothing that was
// reported. Of a failed store Close returns the failure.
func (s *Store) Close() error {
	if !s.calls.close() {
		return store.ErrClosed
	}
	s.care.end()
	s.files.Stop() // a commit that waits for room fails now
	if s.files.Full() {
		s.files.Fail(errFullAtClose)
	}
	err := s.awaitClosed()
	if failure := s.failure(); failure != nil {
		return failure
	}
	if err != nil {
		return fmt.Errorf("close store %q: %w", s.dir, err)
	}
	return nil
}

// awaitClosed closes the database behind the last call.
func (s *Store) awaitClosed() error {
	closed := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				closed <- fmt.Errorf("pebble: %v", p)
			}
		}()
		<-s.calls.idle
		s.foldAll()
		s.flush()
		closed <- errors.Join(s.db.Close(), s.lock.Close())
	}()
	for range 2 {
		select {
		case err := <-closed:
			return err
		case <-time.After(patience):
			s.files.Fail(errSlowClose)
		}
	}
	return errSlowClose // Pebble has lost its way; the directory stays locked
}

// flush moves what is in the log into tables, because damage at the end of a
// log looks like the end of a crash, and because the next start is faster.
func (s *Store) flush() {
	if s.files.Err() != nil {
		return
	}
	done, err := s.db.AsyncFlush()
	if err != nil {
		return // Close says what is wrong
	}
	select {
	case <-done:
	case <-s.files.Failed():
	}
}
