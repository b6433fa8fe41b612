//go:build linux

package pebble

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// smallDisk is a disk of its own, with nothing on it.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("needs root to mount a small disk:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fillDisk takes all room that is left.
func fillDisk(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "others")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// letters commits dead letters with payloads of random bytes, until one does not
// fit or there are n.
func letters(t *testing.T, s *Store, from, n int) error {
	t.Helper()
	payload := make([]byte, 50_000)
	for i := from; i < from+n; i++ {
		for j := range payload {
			payload[j] = byte(rand.Uint32())
		}
		if err := s.Commit(t.Context(), store.Change{Key: store.Key{Route: "r"}, Dead: []store.DeadLetter{
			{ID: fmt.Sprintf("%06d", i), Key: "k", Message: store.Message{Payload: payload}},
		}})[0]; err != nil {
			return err
		}
	}
	return nil
}

func openReserve(t *testing.T, dir string, reserve int64) *Store {
	t.Helper()
	o := quiet()
	o.Reserve = reserve
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	openRoute(t, s, "r")
	return s
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: ", what)
		}
	}
}

// onReserve does what has room, once what Pebble writes meanwhile leaves it.
func onReserve(t *testing.T, what string, do func() error) {
	t.Helper()
	start := time.Now()
	err := do()
	for ; errors.Is(err, store.ErrFull) && time.Since(start) < 10*time.Second; err = do() {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil || time.Since(start) > 12*time.Second {
		t.Fatalf("%s on the reserve: %v after %v", what, err, time.Since(start))
	}
}

// TestDiscardOnAFullDisk: dead letters fill a disk that somebody else has filled
// up. Discarding them works, also after a restart, and makes the room that
// the store needs to go on.
func TestDiscardOnAFullDisk(t *testing.T) {
	disk := smallDisk(t, "64m")
	dir := filepath.Join(disk, "db")
	s := openReserve(t, dir, 8<<20)
	eventually(t, "the reserve", func() bool { return !s.care.reserve.spent() })
	const n = 400 // 20 MB
	if err := letters(t, s, 0, n); err != nil {
		t.Fatal(err)
	}
	fillDisk(t, disk)
	discard := func(i int) {
		t.Helper()
		onReserve(t, fmt.Sprint("discard ", i), func() error {
			return s.Commit(t.Context(), store.Change{
				Key: store.Key{Route: "r"}, Gone: []string{fmt.Sprintf("%06d", i)},
				Audit: []store.Audit{{Action: "discard", Key: "k"}}, Ledger: store.Ledger{Discarded: 1},
			})[0]
		})
	}
	// The log has room allotted in advance, so the disk is not met at once.
	for i := range 30 {
		onReserve(t, "a letter", func() error { return letters(t, s, n+i, 1) })
	}
	if !s.care.reserve.spent() {
		t.Fatal("the reserve is still there")
	}
	for i := range n / 2 {
		discard(i)
	}
	eventually(t, "some room", func() bool {
		free, _ := s.care.reserve.free()
		return free > 6<<20
	})
	mustClose(t, s)
	s = openReserve(t, dir, 8<<20)
	for i := n / 2; i < n; i++ {
		discard(i)
	}
	eventually(t, "room for the reserve", func() bool { return !s.care.reserve.spent() })
	if err := letters(t, s, 0, 100); err != nil {
		t.Fatalf("when there is room again: %v", err)
	}
	l, err := s.Ledger(t.Context(), "r")
	if err != nil || l.Dead != 130 || l.Discarded != n {
		t.Errorf("%+v %v", l, err)
	}
	mustClose(t, s)
	if r, says := checked(t, dir); says != "" || r.Routes[0].Ledger.Dead != 130 {
		t.Error(says)
	}
}

// TestFullDiskWithoutItsReserve: when that is used up, too, commits wait, nothing
// is reported that is not durable, and the store goes on when there is room.
func TestFullDiskWithoutItsReserve(t *testing.T) {
	disk := smallDisk(t, "48m")
	s := openReserve(t, filepath.Join(disk, "db"), 2<<20)
	eventually(t, "the reserve", func() bool { return !s.care.reserve.spent() })
	free := fillDisk(t, disk)
	said := 0
	var err error
	for ; err == nil && said < 2000; said++ {
		done := make(chan error, 1)
		go func() { done <- letters(t, s, said, 1) }()
		select {
		case err = <-done:
		case <-time.After(2 * time.Second):
			err = store.ErrFull // it waits
		}
	}
	if !errors.Is(err, store.ErrFull) || !s.care.reserve.spent() {
		t.Fatalf("after %d: %v", said, err)
	}
	said--
	free()
	eventually(t, "commits go on", func() bool { return letters(t, s, said, 1) == nil })
	eventually(t, "the reserve again", func() bool { return !s.care.reserve.spent() })
	if l, err := s.Ledger(t.Context(), "r"); err != nil || l.Dead != int64(said)+1 {
		t.Errorf("%d dead letters, %d were reported: %v", l.Dead, said+1, err)
	}
}

// TestHalfAReserveIsMadeAnew: a crash while it was written, or another size.
func TestHalfAReserveIsMadeAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	mustClose(t, openReserve(t, dir, 1<<20))
	name := filepath.Join(dir, reserveFile)
	if err := os.WriteFile(name, make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openReserve(t, dir, 1<<20)
	eventually(t, "the reserve", func() bool { return !s.care.reserve.spent() })
	if info, err := os.Stat(name); err != nil || info.Size() != 1<<20 {
		t.Error(info, err)
	}
}
