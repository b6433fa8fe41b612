package ordering_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/storefault"
)

// TestRule11_EveryCommitFails lets the n-th commit fail, in each way and for
// every n: nothing is lost, nothing is published twice, and the books balance.
// A conflict that nobody else caused is a failure like others.
func TestRule11_EveryCommitFails(t *testing.T) {
	for _, how := range []storefault.How{storefault.Before, storefault.After, storefault.Conflict} {
		for n := 1; n <= 25; n++ {
			t.Run(fmt.Sprintf("%s/%d", how, n), func(t *testing.T) {
				t.Parallel()
				eachCommit(t, storefault.Plan{At: n, How: how})
			})
		}
	}
}

func eachCommit(t *testing.T, plan storefault.Plan) {
	rng := rand.New(rand.NewPCG(uint64(plan.At), uint64(plan.How)))
	w := newWorld(t, 40)
	w.fail = func(m *message.Message) error {
		if m.Metadata["key"] == "bad" && m.Metadata["revision"] == "2" {
			return verdict{class: "permanent", attempts: 1, final: true, reason: "too_large"}
		}
		return nil
	}
	s := storefault.Wrap(memory.New(), plan)
	ms := stream(6, 20)
	for rev := int64(1); rev <= 5; rev++ {
		ms = append(ms, msg("bad", rev))
	}
	ms = append(ms, ms[3], ms[30], sent{key: "", rev: 1}, sent{key: "k1", rev: 1, body: "other"})
	w.send(shuffled(rng, ms, 60)...)

	cfg := config(s, w)
	cfg.GapTimeout = time.Minute
	r := w.run(cfg)
	await(t, "the rest", func() bool { return w.atRest(t, r) })
	r.accounted(t)
	if dups := w.checkOrder(1); dups > 0 {
		t.Errorf("%d messages were published twice", dups)
	}
	for k := range 6 {
		if got := w.revisions(fmt.Sprintf("k%d", k)); len(got) != 20 {
			t.Errorf("k%d got %v", k, got)
		}
	}
	if got := letters(t, s); got["bad/2"] != "too_large" || len(got) != 3 {
		t.Errorf("dead letters: %v", got)
	}
}

// atRest reports whether a running Resequencer has nothing left to do.
func (w *world) atRest(t *testing.T, r *running) bool {
	s, err := r.Stats(t.Context())
	return err == nil && s.InMemory == 0 && w.settled() && s.Ledger.Parked == 3
}
