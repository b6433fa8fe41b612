package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// TestVersions_CommitKnowsWhatWasRead: it need not read it again.
func TestVersions_CommitKnowsWhatWasRead(t *testing.T) {
	s := openIn(t, vfs.NewMem())
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	commit(t, s, 0)
	s.known = newVersions(versionBytes)
	rec := load(t, s)
	if h := s.known.get(laneRow(s)); h == nil || h.Version != 1 {
		t.Fatalf("version %d was read, and %v is known of it", rec.Version, h)
	}
	commit(t, s, 1)
	if h := s.known.get(laneRow(s)); h == nil || h.Version != 2 {
		t.Fatalf("after its second commit %v is known of a lane", h)
	}
}

// TestVersions_ForgottenMeanwhile: a lane is read while it is being committed and
// its head has just been forgotten. What the reader saw is not kept, or every
// commit from then on would end in a conflict.
func TestVersions_ForgottenMeanwhile(t *testing.T) {
	for name, when := range map[string]func(s *Store, h rows.Head){
		"read before it was forgotten": func(s *Store, h rows.Head) {
			before := s.known.forgotten()
			turnOver(s.known)
			s.known.addRead(laneRow(s), h, before)
		},
		"read after it was forgotten": func(s *Store, h rows.Head) {
			turnOver(s.known)
			s.known.addRead(laneRow(s), h, s.known.forgotten())
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openIn(t, vfs.NewMem())
			defer func() { _ = s.Close() }()
			openRoute(t, s, "r")
			commit(t, s, 0)

			r := s.routes["r"]
			<-r.turn // as a commit does it
			w := &r.work
			changes := []store.Change{{Key: lane0, Version: 1, Record: &store.Record{}}}
			w.begin(s, r)
			if err := w.add(changes, 0); err != nil {
				t.Fatal(err)
			}
			when(s, rows.Head{Version: 1})
			w.end()
			r.takeOff()
			if err := s.land(r); err != nil {
				t.Fatal(err)
			}

			s.giveTurn(r)

			if h := s.known.get(laneRow(s)); h != nil && h.Version != 2 {
				t.Errorf("%+v is known of a lane with version 2", h)
			}
			commit(t, s, 2)
		})
	}
}

// TestVersions_ForgottenSinceItWasRead: a reader is slow, and the lane is committed
// and forgotten before it says what it saw.
func TestVersions_ForgottenSinceItWasRead(t *testing.T) {
	v := newVersions(versionBytes)
	before := v.forgotten()
	v.add([]byte("lane"), &rows.Head{Version: 2})
	turnOver(v)
	v.addRead([]byte("lane"), rows.Head{Version: 1}, before)
	if h := v.get([]byte("lane")); h != nil {
		t.Errorf("version %d is known", h.Version)
	}
}

// TestVersions_ReadIsNoNews: what a commit knows is not replaced by what was read
// before it.
func TestVersions_ReadIsNoNews(t *testing.T) {
	v := newVersions(versionBytes)
	before := v.forgotten()
	v.add([]byte("lane"), &rows.Head{Version: 2})
	v.addRead([]byte("lane"), rows.Head{Version: 1}, before)
	if h := v.get([]byte("lane")); h.Version != 2 {
		t.Errorf("version %d is known", h.Version)
	}
}

// turnOver has both generations forgotten.
func turnOver(v *versions) {
	for i := range 3 {
		v.bytes = v.limit + 1
		v.add([]byte{byte(i)}, &rows.Head{})
	}
}

func laneRow(s *Store) []byte {
	return rows.AppendLane(nil, rows.Records, s.routes["r"].number, lane0.Name, lane0.Epoch)[1:]
}

func load(t *testing.T, s *Store) store.Record {
	t.Helper()
	rec, err := s.Load(t.Context(), lane0)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// commit commits lane0 on top of a version.
func commit(t *testing.T, s *Store, version uint64) {
	t.Helper()
	if err := s.Commit(t.Context(), store.Change{Key: lane0, Version: version, Record: &store.Record{}})[0]; err != nil {
		t.Fatal(err)
	}
}
