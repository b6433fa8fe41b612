package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// kept are the rows of the archive.
func kept(t *testing.T, s store.Store) (all []store.Archived) {
	t.Helper()
	for a, err := range s.Archive(t.Context(), store.Query{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

func TestArchiveAndRestore(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	d := quarantined(t, w, r, s, "a", 2, 5)
	w.failing()
	if out, err := r.Archive(t.Context(), d.ID, dry); err != nil || out.Done || !strings.HasPrefix(out.Says, "archives revision 2") {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := r.Archive(t.Context(), d.ID, because); err != nil || !out.Done || out.To != 3 {
		t.Fatalf("%+v, %v", out, err)
	}
	w.delivered("a", 1, 3, 4, 5)
	st := r.rest(t, w)
	if l := st.Ledger; l.Dead != 0 || l.Archived != 1 || l.Discarded != 0 || l.Kept != 1 {
		t.Errorf("%+v", l)
	}
	all := kept(t, s)
	if len(all) != 1 || all[0].By != "ann" || all[0].Why != because.Reason || string(all[0].Payload) != "a-2" || all[0].Error != d.Error {
		t.Fatalf("%+v", all)
	}

	if out, err := r.Restore(t.Context(), d.ID, because); err != nil || !out.Done {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := r.Restore(t.Context(), d.ID, because); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("restored twice: %v", err)
	}
	if l := r.accounted(t).Ledger; l.Dead != 1 || l.Kept != 0 || l.Restored != 1 {
		t.Errorf("%+v", l)
	}
	if _, err := r.Redrive(t.Context(), d.ID, because); !errors.Is(err, ordering.ErrPassed) {
		t.Errorf("what was passed goes in order: %v", err)
	}
	beside := because
	beside.OutOfOrder = true
	if _, err := r.Redrive(t.Context(), d.ID, beside); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", 1, 3, 4, 5, 2)
	await(t, "no dead letter", func() bool { return r.accounted(t).Ledger.Dead == 0 })
}

func TestEdit(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	d := quarantined(t, w, r, s, "a", 1, 3)
	w.failing()
	meta := maps.Clone(d.Metadata)
	meta["type"] = "mended"
	for name, to := range map[string]ordering.Content{
		"another key":      {Metadata: map[string]string{"key": "b", "revision": "1"}},
		"another revision": {Metadata: map[string]string{"key": "a", "revision": "2"}},
		"no revision":      {Metadata: map[string]string{"key": "a"}},
	} {
		if _, err := r.Edit(t.Context(), d.ID, to, because); !errors.Is(err, ordering.ErrEdit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	to := ordering.Content{Metadata: meta, Payload: []byte("mended")}
	if out, err := r.Edit(t.Context(), d.ID, to, because); err != nil || !out.Done || !out.InOrder {
		t.Fatalf("%+v, %v", out, err)
	}
	now := letter(t, s, "a", 1)
	if string(now.Payload) != "mended" || now.Metadata["type"] != "mended" || now.ID != d.ID || now.Message.ID != d.Message.ID {
		t.Errorf("%+v", now)
	}
	originals := kept(t, s)
	if len(originals) != 1 || originals[0].Original != d.ID || string(originals[0].Payload) != string(d.Payload) {
		t.Fatalf("%+v", originals)
	}
	if l := r.accounted(t).Ledger; l.Dead != 1 || l.Archived != 0 || l.DeadLettered != 1 {
		t.Errorf("an edit counts: %+v", l)
	}

	if _, err := r.Restore(t.Context(), originals[0].ID, because); err != nil {
		t.Fatal(err)
	}
	if undone := letter(t, s, "a", 1); string(undone.Payload) != string(d.Payload) || len(kept(t, s)) != 0 {
		t.Errorf("%+v", undone)
	}
	if _, err := r.Edit(t.Context(), d.ID, to, because); err != nil {
		t.Fatal(err)
	}
	w.send(msg("a", 1)) // the source's own message again: a copy of what was edited
	r.rest(t, w)
	if _, err := r.Redrive(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", 1, 2, 3)
	w.send(msg("a", 1))
	if l := r.rest(t, w).Ledger; l.Dead != 0 || w.got[0].body != "mended" {
		t.Errorf("%+v, the target has %q", l, w.got[0].body)
	}
	if _, err := r.Restore(t.Context(), kept(t, s)[0].ID, because); !errors.Is(err, ordering.ErrRefused) {
		t.Errorf("the original of what was delivered is restored: %v", err)
	}
}

func TestImport(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	w.send(msg("a", 1))
	r.rest(t, w)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	import2 := store.DeadLetter{
		ID: "elsewhere-1", Lane: true, Key: "a", Reason: "too_large", At: at,
		Message: store.Message{Rev: 2, ID: "m2", Metadata: map[string]string{"key": "a", "revision": "2"}, Payload: []byte("a-2")},
	}
	nothing := store.DeadLetter{ID: "elsewhere-2", Reason: "undecodable", Message: store.Message{Payload: nil}}
	out, err := r.Import(t.Context(), []store.DeadLetter{import2, nothing}, because)
	if err != nil || !out.Done || len(out.Dead) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	first, second := out.Dead[0], out.Dead[1]
	if out, err = r.Import(t.Context(), []store.DeadLetter{import2, nothing}, because); err != nil || out.Done || len(out.Dead) != 0 {
		t.Errorf("imported twice: %+v, %v", out, err)
	}
	if l := r.accounted(t).Ledger; l.Dead != 2 || l.Imported != 2 {
		t.Errorf("%+v", l)
	}
	if letter(t, s, "a", 2).Lane {
		t.Error("it stands in the order of a route that has never seen it")
	}
	edited, err := r.Edit(t.Context(), second, ordering.Content{Payload: []byte("x")}, because)
	if err != nil || len(edited.Dead) != 1 {
		t.Fatalf("%+v, %v", edited, err)
	}
	second = edited.Dead[0]
	if l := r.accounted(t).Ledger; l.Dead != 2 || l.Duplicates != 0 {
		t.Errorf("an edit is no duplicate: %+v", l)
	}
	if _, err := r.Redrive(t.Context(), first, because); err != nil { // at its place
		t.Fatal(err)
	}
	w.delivered("a", 1, 2)
	if _, err := r.Redrive(t.Context(), second, because); !errors.Is(err, ordering.ErrRefused) {
		t.Error(err)
	}
	await(t, "it is gone", func() bool { return r.accounted(t).Ledger.Dead == 1 })
}

// A purge forgets all content of a key and keeps its place in the order.
func TestPurge(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.Hold = 0
	r := w.run(cfg)
	d := quarantined(t, w, r, s, "a", 2, 5)
	w.failing()
	w.send(msg("b", 1), msg("b", 3), msg("b", 4)) // a gap
	r.rest(t, w)
	before := r.accounted(t).Ledger
	if out, err := r.Purge(t.Context(), "a", dry); err != nil || out.Done || out.Parked != 3 || !slices.Equal(out.Dead, []string{d.ID}) {
		t.Errorf("%+v, %v", out, err)
	}
	for _, key := range []string{"a", "b"} {
		if out, err := r.Purge(t.Context(), key, because); err != nil || !out.Done {
			t.Fatalf("%s: %+v, %v", key, out, err)
		}
	}
	await(t, "a goes on", func() bool { return r.state(t, "a").Next == 6 })
	w.send(msg("b", 2), msg("b", 5), msg("a", 6)) // what was missing, and what comes then
	w.delivered("b", 1, 2, 5)
	w.delivered("a", 1, 6)
	st := r.rest(t, w)
	if l := st.Ledger; l.Dead != 0 || l.Parked != 0 || l.Purged != before.Purged+1+3+2 {
		t.Errorf("%+v", l)
	}
	if out, err := r.Purge(t.Context(), "a", because); err != nil || out.Done {
		t.Errorf("nothing is left: %+v, %v", out, err)
	}
}

// What is parked is purged in the store, not only in memory.
func TestPurge_LeavesNoContent(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.Hold = 0
	r := w.run(cfg)
	w.send(msg("b", 1), msg("b", 3), msg("b", 4))
	r.rest(t, w)
	if _, err := r.Purge(t.Context(), "b", because); err != nil {
		t.Fatal(err)
	}
	rows, err := s.Parked(t.Context(), store.Key{Route: "r", Name: "b"}, 0, 0)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, m := range rows {
		if len(m.Payload)+len(m.Metadata)+len(m.ID) > 0 {
			t.Errorf("revision %d still has %q %v %q", m.Rev, m.Payload, m.Metadata, m.ID)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = w.run(cfg) // the marks outlive a restart
	w.send(msg("b", 2), msg("b", 5))
	w.delivered("b", 1, 2, 5)
	if l := r.rest(t, w).Ledger; l.Purged != 2 || l.Parked != 0 {
		t.Errorf("%+v", l)
	}
}

// slowOnAudits lets a commit with audit rows wait until it is told to go on.
type slowOnAudits struct {
	store.Store
	reached, goOn chan struct{}
}

func (s *slowOnAudits) Commit(ctx context.Context, changes ...store.Change) []error {
	for i := range changes {
		if len(changes[i].Audit) > 0 {
			s.reached <- struct{}{}
			<-s.goOn
		}
	}
	return s.Store.Commit(ctx, changes...)
}

// What is missing comes while a purge is being stored: what is purged does not go
// out all the same.
func TestPurge_WhileItIsStored(t *testing.T) {
	w, s := newWorld(t, 100), &slowOnAudits{memory.New(), make(chan struct{}), make(chan struct{})}
	cfg := config(s, w)
	cfg.Hold = 0
	r := w.run(cfg)
	w.send(msg("b", 1), msg("b", 3), msg("b", 4))
	r.rest(t, w)
	done := make(chan error, 1)
	go func() {
		_, err := r.Purge(context.Background(), "b", because)
		done <- err
	}()
	<-s.reached
	w.send(msg("b", 2))
	w.delivered("b", 1, 2)
	time.Sleep(20 * time.Millisecond)
	close(s.goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	w.send(msg("b", 5))
	w.delivered("b", 1, 2, 5)
	if l := r.rest(t, w).Ledger; l.Purged != 2 {
		t.Errorf("%+v", l)
	}
}

func TestOpenSkips(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.GapTimeout, cfg.OnGap = 20*time.Millisecond, lane.Skip
	r := w.run(cfg)
	w.send(msg("a", 1), msg("a", 4))
	w.delivered("a", 1, 4)
	if l := r.rest(t, w).Ledger; l.OpenSkips != 1 || l.Skipped != 2 {
		t.Errorf("%+v", l)
	}
	if _, err := r.Close(t.Context(), "a", 0, 3, because); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a skip that does not begin there: %v", err)
	}
	if out, err := r.Close(t.Context(), "a", 0, 2, because); err != nil || !out.Done || out.To != 3 {
		t.Fatalf("%+v, %v", out, err)
	}
	if l := r.accounted(t).Ledger; l.OpenSkips != 0 {
		t.Errorf("%+v", l)
	}
	if _, err := r.Close(t.Context(), "a", 0, 2, because); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("closed twice: %v", err)
	}
	if skips, err := s.Skips(t.Context(), store.Key{Route: "r", Name: "a"}); err != nil || len(skips) != 1 {
		t.Errorf("the lane has forgotten: %v, %v", skips, err)
	}
}

// What others should hear of is stored with it, in order.
func TestEvents(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.Events = true
	cfg.ReplyTo = func(m *message.Message) *store.Reply {
		if to := m.Metadata["reply-to"]; to != "" {
			return &store.Reply{To: to, CorrelationID: m.Metadata["correlation"]}
		}
		return nil
	}
	r := w.run(cfg)
	w.failing("a/1")
	asked := msg("a", 1)
	asked.meta = map[string]string{"reply-to": "desk", "correlation": "c-7"}
	w.send(asked, msg("a", 2))
	r.rest(t, w)
	d := letter(t, s, "a", 1)
	if _, err := r.Discard(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", 2)
	r.rest(t, w)
	events, err := s.Events(t.Context(), "r", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprintf("%s %s/%d %s by %q", e.Type, e.Key, *e.Revision, e.Reason, e.By))
	}
	want := []string{
		`dead_letter a/1 too_large by ""`, `quarantine a/1 failure by ""`, `discard a/1 the target was repaired by "ann"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if e := events[0]; e.Reply == nil || e.Reply.To != "desk" || e.Reply.CorrelationID != "c-7" || e.Group != d.Fingerprint || e.Dead != d.ID {
		t.Errorf("%+v %+v", e, e.Reply)
	}
	if l := r.accounted(t).Ledger; l.Unsent != 3 {
		t.Errorf("%d unsent", l.Unsent)
	}
}
