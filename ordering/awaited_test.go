package ordering_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// TestR19_AwaitedCallIsNotMadeTwice has a target that is silent for longer than
// an outage may last in memory, without a breaker: what is in hand is parked, and
// yet every message finds the outcome of its first call.
func TestR19_AwaitedCallIsNotMadeTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100)
		silent := w.silent(func(*message.Message) bool { return true })
		cfg := config(memory.New(), w)
		cfg.OutageAfter = 300 * time.Millisecond
		r, err := ordering.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		late := policies.Timeout{After: 50 * time.Millisecond}.Batch(w.publish)
		take, err := r.Batch(policies.Retry{Tried: ordering.Attempts}.Batch(late))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		over, pumped := make(chan error, 1), make(chan struct{})
		go func() { over <- r.Run(ctx) }()
		r.SourceUp()
		go func() { defer close(pumped); w.pump(ctx, take) }()
		w.send(stream(5, 2)...)
		run := &running{Resequencer: r}
		await(t, "all but the probe to be parked", func() bool {
			st, err := r.Stats(t.Context())
			return err == nil && st.Ledger.Parked == 9 && st.InMemory == 1 && st.Outage
		})
		run.accounted(t)
		time.Sleep(time.Minute)
		close(silent.gate)
		for k := range 5 {
			w.delivered(fmt.Sprint("k", k), 1, 2)
		}
		await(t, "nothing to be parked", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Parked == 0 })
		if st := run.rest(t, w); st.Ledger.Delivered != 10 || st.Outage {
			t.Errorf("%+v", st)
		}
		if n := len(w.got); n != 10 {
			t.Errorf("the target has %d messages of 10", n)
		}
		cancel()
		<-pumped
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}
