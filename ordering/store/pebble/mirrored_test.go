package pebble

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// waiting are the ids of the dead letters of a route that wait for their copy.
func waiting(ctx context.Context, s *Store, route string) (ids []string, err error) {
	for d, err := range s.DeadLetters(ctx, store.Query{Route: route, Unmirrored: true}) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, d.ID)
	}
	return ids, nil
}

// TestUnmirroredWaitsForTheDisk (I1): what is copied elsewhere is a dead letter
// here after any crash, or the copy would be of a message that is delivered yet.
func TestUnmirroredWaitsForTheDisk(t *testing.T) {
	slow := &slowSync{FS: vfs.NewMem()}
	s := openIn(t, slow)
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	slow.held.Lock()
	done := make(chan error, 1)
	go func() { done <- s.Commit(t.Context(), everything(lane0, 0, nil))[0] }()
	visible := func() bool { _, ok, _ := s.get(unmirroredKey(1, time.Time{}, deadID(lane0, 0))); return ok }
	for deadline := time.Now().Add(30 * time.Second); !visible() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if ids, err := waiting(ctx, s, "r"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("told before it was durable: %q %v", ids, err)
	}
	slow.held.Unlock()
	if ids, err := waiting(t.Context(), s, "r"); err != nil || len(ids) != 1 {
		t.Errorf("%q %v", ids, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestUpgradeIndexesUnmirrored (B8): a store of format 1 never mirrored
// anything, also where an upgrade of it was cut short.
func TestUpgradeIndexesUnmirrored(t *testing.T) {
	fs := vfs.NewMem()
	s := openIn(t, fs)
	openRoute(t, s, "r")
	openRoute(t, s, "q")
	var want []string
	for v := range uint64(3) {
		if err := s.Commit(t.Context(), everything(lane0, v, nil))[0]; err != nil {
			t.Fatal(err)
		}
		want = append(want, deadID(lane0, v))
	}
	number := s.routes["r"].number
	old := s.db.NewBatch()
	_ = old.Set(metaKey("format"), []byte{1}, nil)
	_ = old.Set(append(rows.AppendRoute(nil, rows.OldUnmirrored, number), "of a dead letter that is gone"...), nil, nil)
	if err := errors.Join(s.db.Apply(old, pdb.Sync), s.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = openIn(t, fs)
		ids, err := waiting(t.Context(), s, "r")
		l, err2 := s.Ledger(t.Context(), "r")
		if err := errors.Join(err, err2); err != nil || !slices.Equal(ids, want) || l.Unmirrored != 3 {
			t.Errorf("%q, %d counted, %v", ids, l.Unmirrored, err)
		}
		if l, err := s.Ledger(t.Context(), "q"); err != nil || l.Unmirrored != 0 {
			t.Errorf("%+v %v", l, err)
		}
		left := 0
		index := rows.AppendRoute(nil, rows.Unmirrored, number)
		if err := s.scan(index, rows.End(index), func(_, _ []byte) (bool, error) { left++; return true, nil }); err != nil || left != 3 {
			t.Errorf("%d rows in the index, %v", left, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
