package ordering_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestI6_FastKeyThatStops: a key that was so fast that it may fill the window, and
// then does, while the target no longer answers for it: others go on.
func TestI6_FastKeyThatStops(t *testing.T) {
	w, s := newWorld(t, 60), memory.New()
	silent := w.silent(func(m *message.Message) bool {
		if strings.HasSuffix(m.Metadata["revision"], "0") {
			time.Sleep(4 * time.Millisecond) // so that it lasts beyond the first look
		}
		return m.Metadata["revision"] == "5001"
	})
	r := w.run(config(s, w))
	w.send(stream(1, 5500)...)
	await(t, "the target to fall silent", func() bool { return silent.called.Load() == 1 })
	if st, err := r.Stats(t.Context()); err != nil || st.Ledger.ParkedTotal > 1000 {
		t.Errorf("%d were parked on the way of a fast key; %v", st.Ledger.ParkedTotal, err)
	}
	w.send(msg("other", 1))
	w.delivered("other", 1)
	close(silent.gate)
	r.delivered(t, 5501)
	r.rest(t, w)
	if dups := w.checkOrder(1); dups != 0 {
		t.Errorf("%d came twice", dups)
	}
}

// delivered waits until so many messages are at the target.
func (r *running) delivered(t *testing.T, n int64) {
	t.Helper()
	await(t, "delivered messages", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Delivered >= n })
}
