package bridge

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// ErrNoBackup says that the bridge's store has no files to copy.
var ErrNoBackup = errors.New("a store in memory has no backup")

// BackupStore copies the store to a new directory, named in full, while messages
// move: see [pebble.Store.Backup].
func (b *Bridge) BackupStore(ctx context.Context, dir string) (pebble.Backup, error) {
	s, ok := b.store.(interface {
		Backup(ctx context.Context, dir string) (pebble.Backup, error)
	})
	if !ok {
		return pebble.Backup{}, ErrNoBackup
	}
	return s.Backup(ctx, dir)
}

// most is how much of min_free the store keeps for itself, at most.
const most = 128 << 20

// reserve is the part of min_free that the store keeps in a file, so that the disk
// still takes what an operator does when somebody else has filled it.
func reserve(c config.Store) int64 { return min(most, c.MinFree/4) }

// tellFor is how long each start warns of a backup that was restored.
const tellFor = 7 * 24 * time.Hour

// tellRestored warns of a store that came out of a backup.
func tellRestored(dir string, log *slog.Logger) {
	r, ok := pebble.ReadRestored(dir)
	if !ok || time.Since(r.At) > tellFor {
		return
	}
	log.Warn("the store was restored from a backup and knows nothing of what happened since",
		"keys", "they may wait for revisions that were delivered long ago, until a start with --adopt-once",
		"offsets", "Kafka sources are ahead of it, until a start with --accept-offset",
		"see", "A lost or restored store in docs/operations.md",
		"backup", r.Backup.At.Format(time.RFC3339), "restored", r.At.Format(time.RFC3339), "by", r.By)
}

// MinFree is how much room of the store's disk the bridge leaves; 0: no limit.
func (b *Bridge) MinFree() int64 { return b.file.Store.MinFree }

// ParkMax are the limits of what each route parks, in bytes; a route without one
// is not in it.
func (b *Bridge) ParkMax() map[string]int64 {
	limits := map[string]int64{}
	for _, r := range b.file.Routes {
		if r.Park.MaxBytes > 0 {
			limits[r.Name] = r.Park.MaxBytes
		}
	}
	return limits
}
