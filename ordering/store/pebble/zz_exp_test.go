//go:build linux

package pebble

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

func expOpen(t *testing.T, dir string) *Store {
	s, err := Open(dir, Options{Reserve: 64 << 20, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))})
	if err != nil {
		t.Fatal(err)
	}
	openRoute(t, s, "r")
	return s
}

func TestExp(t *testing.T) {
	disk := smallDisk(t, "1g")
	dir := filepath.Join(disk, "db")
	begin := time.Now()
	s := expOpen(t, dir)
	say := func(what string) {
		free, _ := newReserveAt(dir)
		m := s.db.Metrics()
		fmt.Fprintf(os.Stderr, "== %6.1fs %-30s free %d MiB reserve %v full %v wal %d/%d rec %d tables %d MiB zombie %d tomb %d L0 %d mem %d compactions %d\n", time.Since(begin).Seconds(), what, free>>20, !s.care.reserve.spent(), s.files.Full(), m.WAL.Size>>20, m.WAL.ObsoletePhysicalSize>>20, m.WAL.ObsoleteFiles, m.DiskSpaceUsage()>>20, m.Table.ZombieSize>>20, m.Keys.TombstoneCount, m.Levels[0].TablesCount, m.MemTable.Size>>20, m.Compact.Count)
	}
	eventually(t, "the reserve", func() bool { return !s.care.reserve.spent() })
	say("open")
	n := 0
	id := func(i int) string { return fmt.Sprintf("%08d-%04x", i, i*7919%65536) }
	payload := make([]byte, 4096)
	add := func(k int) error {
		var cs []store.Change
		for range k {
			for j := range payload {
				payload[j] = byte(rand.Uint32())
			}
			key := fmt.Sprintf("key%05d", n)
			cs = append(cs, store.Change{Key: store.Key{Route: "r", Name: key}, Record: &store.Record{State: lane.State{Next: 2, Highest: 1}}, Dead: []store.DeadLetter{{ID: id(n), Key: key, At: time.Unix(int64(n), 0), Message: store.Message{Payload: append([]byte(nil), payload[:1024+rand.IntN(3072)]...)}}}})
			n++
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for _, err := range s.Commit(ctx, cs...) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	for n < 120000 {
		if err := add(1000); err != nil {
			t.Fatal(err)
		}
	}
	say("written")
	if os.Getenv("EXP_REOPEN") != "" {
	mustClose(t, s)
	s = expOpen(t, dir)
	say("reopened")
	}
	fillDisk(t, disk)
	say("filled")
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if os.Getenv("EXP_RANDOM") != "" {
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	gone := 0
	one := func(redrive bool) error {
		var cs []store.Change
		for _, i := range order[gone : gone+1000] {
			c := store.Change{Key: store.Key{Route: "r"}, Gone: []string{id(i)}, Ledger: store.Ledger{Discarded: 1}}
			if redrive {
				c = store.Change{Key: store.Key{Route: "r", Name: fmt.Sprintf("key%05d", i)}, Version: 1, Record: &store.Record{State: lane.State{Next: 3, Highest: 2}}, Gone: []string{id(i)}, Ledger: store.Ledger{Redriven: 1}}
			} 
			cs = append(cs, c)
		}
		cs[0].Audit = []store.Audit{{Action: "discard", Key: "k"}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for _, err := range s.Commit(ctx, cs...) {
			if err != nil {
				return err
			}
		}
		gone += 1000
		return nil
	}
	// dead letters on until trouble
	if os.Getenv("EXP_MORE") != "" {
		for {
			start := time.Now()
			err := add(1000)
			if err != nil {
				say(fmt.Sprintf("more to %d: %v %v", n, err, time.Since(start)))
				break
			}
		}
	}
	for gone < 60000 {
		start := time.Now()
		err := one(gone >= 30000)
		if err != nil || time.Since(start) > time.Second || gone%5000 == 0 {
			say(fmt.Sprintf("gone %d: %v %v", gone, err, time.Since(start).Round(time.Millisecond)))
		}
		if err != nil {
			time.Sleep(time.Second)
			if time.Since(begin) > 90*time.Second {
				break
			}
		}
	}
	for range 15 {
		time.Sleep(time.Second)
		say("waiting")
	}
	start := time.Now()
	l, _ := s.Ledger(t.Context(), "r")
	err := s.Close()
	fmt.Fprintln(os.Stderr, "close", err, time.Since(start), l)
	start = time.Now()
	s2, err := Open(dir, Options{Reserve: 64 << 20, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	fmt.Fprintln(os.Stderr, "open", err, time.Since(start))
	if err == nil {
		s = s2
		openRoute(t, s, "r")
		l, _ := s.Ledger(t.Context(), "r")
		fmt.Fprintln(os.Stderr, l)
		for range 20 {
			time.Sleep(time.Second)
			say("reopened")
		}
		fmt.Fprintln(os.Stderr, s.Close())
	}
	_, says := checked(t, dir)
	fmt.Fprintln(os.Stderr, "check", says)
}

func newReserveAt(dir string) (int64, bool) {
	r := reserve{files: vfsDefault, dir: dir}
	return r.free()
}
