package ordering_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

var givenUpAt = time.Date(2026, 1, 31, 13, 5, 9, 0, time.UTC)

// buried is the configuration of a route that reads a dead-letter queue.
func buried(s store.Store, w *world) ordering.Config {
	cfg := config(s, w)
	cfg.Order, cfg.StopAfter = ordering.Unordered, ordering.StopAfter{Dead: 1, Of: 1}
	cfg.Identify = func(m *message.Message) (ordering.ID, error) {
		if !ordering.Redriven(m) {
			tries := store.Tries{Error: "elsewhere: no such order"}
			if m.Metadata["when"] != "" {
				tries.FirstFailed, tries.LastFailed = givenUpAt, givenUpAt
			}
			return ordering.ID{}, &ordering.GivenUpError{Tries: tries, Same: m.Metadata["same"]}
		}
		m.Metadata["identified"] = "yes"
		return ordering.ID{}, nil
	}
	return cfg
}

func given(same, body string) sent {
	return sent{rev: -1, body: body, meta: map[string]string{"same": same}}
}

// TestGivenUp_IsADeadLetterAtOnce: nothing of it is published, it does not trip the
// guard, and delivered again it is the same one, while another with the same
// content is not.
func TestGivenUp_IsADeadLetterAtOnce(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	dated := given("2", "no order")
	dated.meta["when"] = "known"
	w.send(given("1", "no order"), dated, given("1", "no order"), given("", "x"), given("", "y"))
	r := w.run(buried(s, w))
	st := r.rest(t, w)
	dead := allDead(t, s)
	if len(dead) != 4 || st.Ledger.Duplicates != 1 || len(w.got) != 0 {
		t.Fatalf("%d dead letters, %d duplicates, %d published", len(dead), st.Ledger.Duplicates, len(w.got))
	}
	for _, d := range dead {
		if d.Reason != ordering.ReasonForeign || d.Class != "permanent" || d.Error != "elsewhere: no such order" || d.Lane {
			t.Errorf("%+v", d)
		}
		known := d.Metadata["when"] != ""
		if d.FirstFailed.Equal(givenUpAt) != known || d.LastFailed.Equal(givenUpAt) != known || d.LastFailed.IsZero() {
			t.Errorf("%q failed from %v to %v", d.Metadata["same"], d.FirstFailed, d.LastFailed)
		}
	}
}

// TestGivenUp_RedriveGoesOut: it is identified then, and delivered; what fails
// again has the reason for that.
func TestGivenUp_RedriveGoesOut(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	w.fail = func(m *message.Message) error {
		if string(m.Payload) == "bad" {
			return verdict{class: "permanent", attempts: 1, final: true, reason: "unroutable"}
		}
		return nil
	}
	w.send(given("1", "good"), given("2", "bad"))
	r := w.run(buried(s, w))
	r.rest(t, w)
	for _, d := range allDead(t, s) {
		out, err := r.Redrive(t.Context(), d.ID, ordering.Operation{By: "ann", DryRun: true})
		if err != nil || !out.InOrder {
			t.Errorf("dry run: %+v, %v", out, err)
		}
		r.redrives(t, d.ID, because)
	}
	await(t, "both to settle", func() bool {
		dead := allDead(t, s)
		return len(dead) == 1 && dead[0].Reason == "unroutable"
	})
	r.rest(t, w)
	d := allDead(t, s)[0]
	if string(d.Payload) != "bad" || d.Attempts != 1 || strings.Contains(d.Error, "elsewhere") || d.Metadata["identified"] != "yes" {
		t.Errorf("%+v", d)
	}
	if len(w.got) != 1 || w.got[0].body != "good" {
		t.Errorf("%+v", w.got)
	}
	r.redrives(t, d.ID, because)
	at := d.At
	await(t, "it to fail again", func() bool { d := allDead(t, s); return len(d) == 1 && d[0].At.After(at) })
	r.rest(t, w)
}

// TestGivenUp_CrashMakesNoSecond: what was stored and not acknowledged comes again.
func TestGivenUp_CrashMakesNoSecond(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	for range 2 { // as if the acknowledgement had been lost
		w.send(given("1", "no order"), given("2", "no order"))
		r := w.run(buried(s, w))
		r.rest(t, w)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
	if dead := allDead(t, s); len(dead) != 2 {
		t.Errorf("%d dead letters", len(dead))
	}
}

func TestGivenUpError(t *testing.T) {
	err := error(&ordering.GivenUpError{Tries: store.Tries{Error: "why"}})
	if err.Error() != "foreign: why" || errors.Unwrap(err) != nil {
		t.Error(err)
	}
}
