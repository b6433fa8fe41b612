package bridge_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

func openPebble(t *testing.T, dir string) *pebble.Store {
	t.Helper()
	s, err := pebble.Open(dir, pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestI1_RestoredBackup: a bridge goes on with a backup that is older than what it
// delivered. It sees gaps that are none, says so rather than quarantine all keys,
// and loses nothing once it is told to adopt what it has.
func TestI1_RestoredBackup(t *testing.T) {
	text := strings.Replace(topology, "first: 1 }", "first: 1, gap: { hold: 10ms, timeout: 200ms } }", 1)
	const keys = 60
	dir := filepath.Join(t.TempDir(), "db")
	r := brokers()
	s := openPebble(t, dir)
	r.run(t, text, bridge.Options{Store: s})
	send := func(from, to int) {
		for rev := from; rev <= to; rev++ {
			for k := range keys {
				r.in.Put("one", event(fmt.Sprint("k", k), rev))
			}
		}
	}
	delivered := func(n int) func() bool { return func() bool { return len(r.out.Messages("one")) >= n } }
	send(1, 3)
	await(t, "what comes before the backup", delivered(3*keys))
	await(t, "its commit", func() bool { l, err := s.Ledger(t.Context(), "one"); return err == nil && l.Delivered == 3*keys })
	backup := filepath.Join(t.TempDir(), "backup")
	b, err := r.BackupStore(t.Context(), backup)
	if err != nil || b.Routes[0].Ledger.Delivered != 3*keys {
		t.Fatal(b, err)
	}
	send(4, 5)
	await(t, "what comes behind it", delivered(5*keys))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	send(6, 7)

	dir = filepath.Join(t.TempDir(), "restored")
	if _, err := pebble.Restore(t.Context(), backup, dir, "ann", "the disk broke"); err != nil {
		t.Fatal(err)
	}
	s = openPebble(t, dir)
	again := &rig{in: r.in, out: r.out}
	again.run(t, text, bridge.Options{Store: s})
	await(t, "the false gaps to be noticed", func() bool {
		one := again.route(t, "one")
		return one.State == status.Paused && strings.HasPrefix(one.Reason, "no_state")
	})
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	again.run(t, text, bridge.Options{Store: s, AdoptOnce: true})
	await(t, "the rest", delivered(7*keys))
	for k := range keys {
		got := r.revisions("one", fmt.Sprint("k", k))
		if want := []string{"1", "2", "3", "4", "5", "6", "7"}; !slices.Equal(got, want) {
			t.Errorf("key %d came out as %v", k, got)
		}
	}
}

// TestAStoreInMemoryHasNoBackup says so.
func TestAStoreInMemoryHasNoBackup(t *testing.T) {
	r := start(t, memorystore.New())
	if _, err := r.BackupStore(t.Context(), t.TempDir()); err != bridge.ErrNoBackup {
		t.Error(err)
	}
}

// TestStartAfterARestoreWarns for a week, and keeps a reserve of min_free.
func TestStartAfterARestoreWarns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	s := openPebble(t, dir)
	if _, err := s.Open(t.Context(), store.Identity{Route: "one"}); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	if _, err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	dir += "2"
	if _, err := pebble.Restore(t.Context(), backup, dir, "ann", "test"); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(topology, "store: { memory: {} }", fmt.Sprintf("store: { pebble: { dir: %q }, min_free: 8MiB }", dir), 1)
	f, err := config.Parse("topology.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := brokers()
	defer func() { _, _ = r.in.Close(), r.out.Close() }()
	var said strings.Builder
	b, err := bridge.New(f, bridge.Options{Logger: slog.New(slog.NewTextHandler(&said, nil)), Brokers: map[string]broker.Broker{"in": r.in, "out": r.out}})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the reserve", func() bool {
		info, err := os.Stat(filepath.Join(dir, "RESERVE"))
		return err == nil && info.Size() == 2<<20
	})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "level=WARN") || !strings.Contains(said.String(), "--adopt-once") ||
		!strings.Contains(said.String(), time.Now().UTC().Format("2006-01-02")) {
		t.Error(said.String())
	}
}
