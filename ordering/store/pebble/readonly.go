package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/guard"
)

// ErrMissing says that there is no store in a directory.
var ErrMissing = errors.New("store: there is none")

// OpenReadOnly opens the store in a directory to be looked at: nothing is made,
// brought up to date or written, and a change fails. Like Open it fails with
// store.ErrLocked if the directory is in use, and beyond that with ErrMissing if
// there is no store and with store.ErrFormat if it is of an older format, which
// only Open brings up to date.
func OpenReadOnly(dir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	if err := finished(dir); err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	s, err := startReadOnly(dir, o.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	is, err := s.recall()
	if err == nil && is != format {
		err = fmt.Errorf("%w: it has format %d, and only a start of the bridge makes it one of format %d", store.ErrFormat, is, format)
	}
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, errors.Join(err, s.Close()))
	}
	return s, nil
}

// startReadOnly locks the directory, which has to have a store, and opens the
// database.
func startReadOnly(dir string, o Options) (*Store, error) {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if err := exists(dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(dir, vfs.Default)
	if err != nil {
		return nil, err
	}
	s := &Store{
		dir: dir, lock: lock, files: guard.New(vfs.Default, o.Logger),
		known: newVersions(versionBytes), routes: map[string]*route{},
		calls: newCalls(), auditing: token(), grown: o.journal, care: newCare(),
	}
	settings := s.settings(o)
	settings.ReadOnly = true
	if s.db, err = pdb.Open(dir, settings); err != nil {
		return nil, errors.Join(explain(err), lock.Close())
	}
	return s, nil
}

// exists says whether there is a store in a directory.
func exists(dir string) error {
	d, err := pdb.Peek(dir, vfs.Default)
	switch {
	case errors.Is(err, os.ErrNotExist) || err == nil && !d.Exists:
		return ErrMissing
	case err != nil:
		return explain(err)
	}
	return nil
}

// recall reads what the store as a whole remembers, and returns its format.
func (s *Store) recall() (is byte, err error) {
	v, ok, err := s.get(metaKey("format"))
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return 0, fmt.Errorf("%w: there is a Pebble database without a format of ours", store.ErrFormat)
	case len(v) != 1 || v[0] == 0 || v[0] > format:
		return 0, fmt.Errorf("%w: it has format %d, this program reads %d", store.ErrFormat, v, format)
	}
	is = v[0]
	if v, ok, err := s.get(metaKey(upgradeRow)); err != nil {
		return 0, err
	} else if ok && len(v) == 1 {
		is = v[0] // on its way to this format, and cut short
	}
	id, _, err := s.get(metaKey("id"))
	if err != nil {
		return 0, err
	}
	s.id = string(id)
	if err := s.restoreRoutes(); err != nil {
		return 0, err
	}
	for _, r := range s.routes {
		r.journal.bytes = 0 // so that Close has nothing to fold
	}
	return is, nil
}

// Format is that of the stores that this program writes; [Info] has the one of a
// store that is there.
const Format = format

// Info is what a store says of itself.
type Info struct {
	Dir      string    `json:"dir"`
	Store    string    `json:"store"` // its id
	Format   int       `json:"format"`
	Bytes    int64     `json:"bytes"`
	Free     int64     `json:"free"` // on its disk
	Routes   []Counted `json:"routes"`
	Restored *Restored `json:"restored,omitempty"` // the last time, if ever
}

// Inspect says what is in a store that is not in use, of whatever format.
func Inspect(dir string) (info Info, err error) {
	if info.Dir, err = filepath.Abs(dir); err == nil {
		err = finished(info.Dir)
	}
	if err != nil {
		return info, fmt.Errorf("look at store %q: %w", dir, err)
	}
	s, err := startReadOnly(info.Dir, Options{Logger: slog.New(slog.DiscardHandler)}.withDefaults())
	if err != nil {
		return info, fmt.Errorf("look at store %q: %w", dir, err)
	}
	is, err := s.recall()
	info.Store, info.Format, info.Routes = s.id, int(is), s.counted()
	if stats, statsErr := s.Stats(context.Background()); statsErr == nil {
		info.Bytes, info.Free = stats.Bytes, stats.Free
	}
	if r, ok := ReadRestored(info.Dir); ok {
		info.Restored = &r
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return info, fmt.Errorf("look at store %q: %w", dir, err)
	}
	return info, nil
}
