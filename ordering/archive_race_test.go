package ordering_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// slowOn lets the first commit with a certain audit row wait.
type slowOn struct {
	store.Store
	action        string
	reached, goOn chan struct{}
}

func (s *slowOn) Commit(ctx context.Context, changes ...store.Change) []error {
	for i := range changes {
		for _, a := range changes[i].Audit {
			if a.Action == s.action {
				s.action = ""
				close(s.reached)
				<-s.goOn
			}
		}
	}
	return s.Store.Commit(ctx, changes...)
}

// told is how an operation went.
type told struct {
	ordering.Outcome
	err error
}

// meanwhile does two things with an archived dead letter of key a: the second while
// the first, which has that audit row, is being stored.
func meanwhile(t *testing.T, action string, first, second func(r *running, id string) (ordering.Outcome, error)) (r *running, s store.Store, one, two told) {
	t.Helper()
	w, slow := newWorld(t, 100), &slowOn{memory.New(), action, make(chan struct{}), make(chan struct{})}
	r = w.run(config(slow, w))
	d := quarantined(t, w, r, slow, "a", 2, 3)
	w.failing()
	if _, err := r.Archive(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", 1, 3)
	r.rest(t, w)

	ends := [2]chan told{make(chan told, 1), make(chan told, 1)}
	do := func(i int, what func(*running, string) (ordering.Outcome, error)) {
		go func() {
			out, err := what(r, d.ID)
			ends[i] <- told{out, err}
		}()
	}
	do(0, first)
	<-slow.reached
	do(1, second)
	time.Sleep(50 * time.Millisecond)
	close(slow.goOn)
	return r, slow, <-ends[0], <-ends[1]
}

func purge(r *running, _ string) (ordering.Outcome, error) {
	return r.Purge(context.Background(), "a", because)
}

func restore(r *running, id string) (ordering.Outcome, error) {
	return r.Restore(context.Background(), id, because)
}

// TestPurge_IsNotUndoneByARestore restores while a purge is being stored.
func TestPurge_IsNotUndoneByARestore(t *testing.T) {
	r, s, purged, restored := meanwhile(t, "purge", purge, restore)
	if purged.err != nil || !purged.Done || !errors.Is(restored.err, store.ErrNotFound) {
		t.Errorf("purged: %+v, restored: %+v", purged, restored)
	}
	if l := r.accounted(t).Ledger; l.Dead != 0 || l.Kept != 0 || len(allDead(t, s)) != 0 || len(kept(t, s)) != 0 {
		t.Errorf("the content is back: %+v", l)
	}
}

// TestPurge_WaitsForARestore purges while a restore is being stored.
func TestPurge_WaitsForARestore(t *testing.T) {
	r, s, restored, purged := meanwhile(t, "restore", restore, purge)
	if restored.err != nil || !restored.Done || purged.err != nil || !purged.Done {
		t.Errorf("restored: %+v, purged: %+v", restored, purged)
	}
	if l := r.accounted(t).Ledger; l.Dead != 0 || l.Kept != 0 || len(allDead(t, s)) != 0 || len(kept(t, s)) != 0 {
		t.Errorf("the content is left: %+v", l)
	}
}

// TestImport_TakesNoIDOfALane imports what another bridge has exported, and then
// gives the same revision up with another content: both are left.
func TestImport_TakesNoIDOfALane(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	exported := quarantined(t, w, w.run(config(s, w)), s, "a", 1, 1)

	w, s = newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	if _, err := r.Import(t.Context(), []store.DeadLetter{exported}, because); err != nil {
		t.Fatal(err)
	}
	w.failing("a/1")
	m := msg("a", 1)
	m.body = "another body"
	w.send(m)
	r.rest(t, w)
	r.accounted(t)
	var bodies []string
	for _, d := range allDead(t, s) {
		bodies = append(bodies, string(d.Payload))
	}
	if slices.Sort(bodies); !slices.Equal(bodies, []string{string(exported.Payload), "another body"}) {
		t.Errorf("the dead letters are %q", bodies)
	}
}

// TestEdit_IsNotUndoneByACopy edits a dead letter that has no revision, and gets the
// original once more.
func TestEdit_IsNotUndoneByACopy(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	bad := sent{key: "a", rev: -1, body: "broken", id: "m1"}
	w.send(bad)
	r.rest(t, w)
	to := ordering.Content{Metadata: map[string]string{"key": "a", "revision": "1"}, Payload: []byte("mended")}
	out, err := r.Edit(t.Context(), allDead(t, s)[0].ID, to, because)
	if err != nil {
		t.Fatal(err)
	}
	w.send(bad)
	r.rest(t, w)
	if now, err := s.DeadLetter(t.Context(), "r", out.Dead[0]); err != nil || string(now.Payload) != "mended" {
		t.Errorf("the edited one is %q, %v", now.Payload, err)
	}
	r.accounted(t)
}

// TestEvents_Purge expects one event of a purge.
func TestEvents_Purge(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.Events = true
	r := w.run(cfg)
	quarantined(t, w, r, s, "a", 1, 2)
	w.failing()
	if _, err := r.Purge(t.Context(), "a", because); err != nil {
		t.Fatal(err)
	}
	r.rest(t, w)
	events, err := s.Events(t.Context(), "r", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var purges []store.Event
	for _, e := range events {
		if e.Type == ordering.EventPurge {
			purges = append(purges, e)
		}
	}
	if len(purges) != 1 || purges[0].Key != "a" || purges[0].By != because.By {
		t.Errorf("%+v", events)
	}
}
