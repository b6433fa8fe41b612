package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/brokerbridge/bridge/bridge/doctor/internal/disk"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// store judges the store and its disk.
func (e *examination) store() {
	where := at{path: "store"}
	if e.file.Store.Memory != nil {
		e.add(where, Warning, "store-memory", "the store is in memory", "store: { pebble: { dir: ./bridge-data } }")
		return
	}
	where.path = "store.pebble.dir"
	dir := e.file.Store.Pebble.Dir
	e.room(where, dir)
	info, err := e.inspected()
	switch {
	case errors.Is(err, store.ErrLocked):
		e.add(where, Note, "store-in-use", err.Error(), "")
	case errors.Is(err, pebble.ErrMissing):
		e.add(where, Note, "store-new", fmt.Sprintf("there is no store in %s; the first start makes it", dir), "if there was one: bridge store restore")
	case errors.Is(err, store.ErrFormat):
		e.add(where, Error, "store-format", err.Error(), "run the release that has written it, or a later one")
	case err != nil:
		e.add(where, Error, "store-broken", err.Error(), "bridge store check; then bridge store restore of a backup")
	case info.Format < pebble.Format:
		e.add(where, Note, "store-format", fmt.Sprintf("it has format %d, and the start of the bridge makes it one of format %d", info.Format, pebble.Format), "bridge store backup DIR with the release that has written it, before")
	}
}

// inspected looks into the store, once.
func (e *examination) inspected() (pebble.Info, error) {
	if e.seen == nil {
		e.seen = &seen{}
		e.seen.info, e.seen.err = pebble.Inspect(e.file.Store.Pebble.Dir)
	}
	return e.seen.info, e.seen.err
}

// seen is what was found in the store.
type seen struct {
	info pebble.Info
	err  error
}

// storeInUse reports whether a bridge runs on the store of the file.
func (e *examination) storeInUse() bool {
	if e.file.Store.Memory != nil {
		return false
	}
	_, err := e.inspected()
	return errors.Is(err, store.ErrLocked)
}

// room judges the directory, or the one in which it would be made.
func (e *examination) room(where at, dir string) {
	there, err := nearest(dir)
	if err == nil {
		err = disk.Writable(there)
	}
	if err != nil {
		e.add(where, Error, "store-unwritable", err.Error(), "run the bridge as a user who may write there: chown USER "+quoted(dir))
		return
	}
	d, ok := disk.Of(there)
	if !ok {
		return
	}
	if d.Volatile {
		e.add(where, Warning, "store-volatile", fmt.Sprintf("%s is on a %s", there, d.Kind), "a directory on a disk, such as /var/lib/bridge")
	}
	switch least := e.file.Store.MinFree; {
	case least <= 0:
	case d.Free < least:
		e.add(where, Error, "store-space", fmt.Sprintf("%d bytes are free, min_free is %d", d.Free, least), "make room, or a lower store.min_free")
	case d.Free < 2*least:
		e.add(where, Warning, "store-space", fmt.Sprintf("%d bytes are free, and intake pauses at min_free, %d", d.Free, least), "make room, or a lower store.min_free")
	}
}

// nearest is the directory, or the nearest one above it that is there.
func nearest(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		info, err := os.Stat(dir)
		switch {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("%s is no directory", dir)
		case err == nil:
			return dir, nil
		case !errors.Is(err, os.ErrNotExist) || filepath.Dir(dir) == dir:
			return "", err
		}
		dir = filepath.Dir(dir)
	}
}
