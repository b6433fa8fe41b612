package ordering_test

import (
	"context"
	"errors"
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

func archivedA2(t *testing.T, action string) (*running, *slowOn, store.DeadLetter, *world) {
	w, s := newWorld(t, 100), &slowOn{memory.New(), action, make(chan struct{}), make(chan struct{})}
	r := w.run(config(s, w))
	d := quarantined(t, w, r, s, "a", 2, 3)
	w.failing()
	if _, err := r.Archive(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", 1, 3)
	r.rest(t, w)
	return r, s, d, w
}

// A purge is not undone by a restore that comes while it is being stored.
func TestPurge_IsNotUndoneByARestore(t *testing.T) {
	r, s, d, _ := archivedA2(t, "purge")
	purged, restored := make(chan error, 1), make(chan error, 1)
	var po, ro ordering.Outcome
	go func() { var err error; po, err = r.Purge(context.Background(), "a", because); purged <- err }()
	<-s.reached
	go func() { var err error; ro, err = r.Restore(context.Background(), d.ID, because); restored <- err }()
	time.Sleep(50 * time.Millisecond)
	close(s.goOn)
	pe, re := <-purged, <-restored
	_, err := s.DeadLetter(t.Context(), "r", d.ID)
	t.Logf("purge %v %v; restore %v %v; dead letter: %v", po.Done, pe, ro.Done, re, err)
	if !errors.Is(err, store.ErrNotFound) {
		t.Error("the content is back after the purge was done")
	}
	st, _ := r.Stats(t.Context())
	t.Logf("unaccounted %d %+v", st.Unaccounted(), st.Ledger)
}

// A purge sees what is being restored.
func TestPurge_WaitsForARestore(t *testing.T) {
	r, s, d, _ := archivedA2(t, "restore")
	purged, restored := make(chan error, 1), make(chan error, 1)
	var po ordering.Outcome
	go func() { _, err := r.Restore(context.Background(), d.ID, because); restored <- err }()
	<-s.reached
	go func() { var err error; po, err = r.Purge(context.Background(), "a", because); purged <- err }()
	time.Sleep(50 * time.Millisecond)
	close(s.goOn)
	re, pe := <-restored, <-purged
	_, err := s.DeadLetter(t.Context(), "r", d.ID)
	t.Logf("restore %v; purge %v %v; dead letter: %v", re, po, pe, err)
	if !errors.Is(err, store.ErrNotFound) {
		t.Error("a purge that was done left the content")
	}
	st, _ := r.Stats(t.Context())
	t.Logf("unaccounted %d %+v", st.Unaccounted(), st.Ledger)
}

// An imported dead letter is not overwritten by one of the lane with the same id.
func TestImport_TakesNoIDOfALane(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	d := quarantined(t, w, r, s, "a", 1, 1) // an export of this
	w2, s2 := newWorld(t, 100), memory.New() // another bridge
	r2 := w2.run(config(s2, w2))
	if _, err := r2.Import(t.Context(), []store.DeadLetter{d}, because); err != nil {
		t.Fatal(err)
	}
	w2.failing("a/1")
	m := msg("a", 1)
	m.body = "another body"
	w2.send(m)
	await(t, "dead", func() bool { st, _ := r2.Stats(t.Context()); return st.Taken == 1 && st.InMemory == 0 })
	st, _ := r2.Stats(t.Context())
	var bodies []string
	for d := range s2.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		bodies = append(bodies, string(d.Payload))
	}
	if st.Unaccounted() != 0 || len(bodies) != 2 {
		t.Errorf("unaccounted %d, dead letters %q, %+v", st.Unaccounted(), bodies, st.Ledger)
	}
}

// An edit of a dead letter without a lane is not undone by a copy of the original.
func TestEdit_IsNotUndoneByACopy(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	bad := sent{key: "a", rev: -1, body: "broken", id: "m1"}
	w.send(bad)
	r.rest(t, w)
	var d store.DeadLetter
	for x := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		d = x
	}
	edited, err := r.Edit(t.Context(), d.ID, ordering.Content{Metadata: map[string]string{"key": "a", "revision": "1"}, Payload: []byte("mended")}, because)
	if err != nil {
		t.Fatal(err)
	}
	w.send(bad)
	r.rest(t, w)
	now, err := s.DeadLetter(t.Context(), "r", edited.Dead[0])
	if err != nil || string(now.Payload) != "mended" {
		t.Errorf("%v, the edited one is %q", err, now.Payload)
	}
}

// A purge is an event.
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
	es, _ := s.Events(t.Context(), "r", 0, 0)
	found := false
	for _, e := range es {
		found = found || e.Type == ordering.EventPurge
	}
	if !found {
		t.Errorf("%+v", es)
	}
}
