package ordering_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// tookNote notes what Config.Confirmed is told.
type tookNote struct {
	mu   sync.Mutex
	took []time.Duration
}

func (n *tookNote) note(after time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.took = append(n.took, after)
}

func (n *tookNote) all() []time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.took)
}

// TestConfirmedTellsHowLongAMessageTook counts what waited for a gap, in memory and
// in the store, and does not count a message twice.
func TestConfirmedTellsHowLongAMessageTook(t *testing.T) {
	w, note := newWorld(t, 100), &tookNote{}
	cfg := config(memory.New(), w)
	cfg.Confirmed = note.note
	cfg.GapTimeout = time.Minute
	r := w.run(cfg)
	w.send(msg("a", 2), msg("a", 2))
	await(t, "revision 2 in the store", func() bool {
		s, err := r.Stats(t.Context())
		return err == nil && s.Ledger.Parked == 1 && s.Ledger.Duplicates == 1
	})
	if took := note.all(); len(took) != 0 {
		t.Fatalf("told of what the target does not have: %v", took)
	}
	time.Sleep(30 * time.Millisecond) // it is measured
	w.send(msg("a", 1))
	await(t, "both", func() bool { return len(note.all()) == 2 })
	took := note.all()
	if took[0] < 0 || took[0] > took[1] || took[1] < 30*time.Millisecond || took[1] > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestConfirmedLeavesDeadLettersOut does not count how long a message was dead.
func TestConfirmedLeavesDeadLettersOut(t *testing.T) {
	w, note := newWorld(t, 100), &tookNote{}
	s := memory.New()
	cfg := config(s, w)
	cfg.Confirmed = note.note
	r := w.run(cfg)
	w.failing("a/1")
	w.send(msg("a", 1))
	await(t, "the dead letter", func() bool { return r.accounted(t).Ledger.Dead == 1 })
	w.failing()
	if _, err := r.Redrive(t.Context(), letter(t, s, "a", 1).ID, because); err != nil {
		t.Fatal(err)
	}
	w.send(msg("a", 2))
	w.delivered("a", 1, 2)
	await(t, "the second", func() bool { return len(note.all()) > 0 })
	if took := note.all(); len(took) != 1 {
		t.Errorf("told %v, want only the second", took)
	}
}
