package ordering_test

import (
	"slices"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestRedriven tells the handler what was a dead letter, and nothing else.
func TestRedriven(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	d := quarantined(t, w, r, s, "a", 2, 5)
	var redriven []string
	w.mu.Lock()
	w.fail = func(m *message.Message) error {
		if ordering.Redriven(m) {
			redriven = append(redriven, m.Metadata["revision"])
		}
		return nil
	}
	w.mu.Unlock()
	if _, err := r.Redrive(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", upTo(5)...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(redriven, []string{"2"}) {
		t.Errorf("redriven are revisions %v, want 2", redriven)
	}
}
