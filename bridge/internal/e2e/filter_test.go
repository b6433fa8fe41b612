package e2e_test

import (
	"iter"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// TestI2_FilteredIsNoGap takes one type of message of three. The others settle
// their revisions, also where they were parked, and are counted; so nothing
// waits for them, and nothing is missing.
func TestI2_FilteredIsNoGap(t *testing.T) {
	atOnce(t, mostly(), func(t *testing.T, d direction) {
		from, to := d.from(t), d.to(t)
		types := []string{"created", "changed", "closed"}
		traffic := journal.Traffic{Keys: 50, Displaced: 400, Repeated: 0.01, Messages: size(3000, 30_000), Size: 64, Seed: 3}
		kind := func(m journal.Message) string { return types[m.Rev%3] }
		sent := e2e.Publish(t, from, typed(traffic.All(), kind))
		route := e2e.Route{
			From: []e2e.Place{from}, To: to, Window: 200, Gap: "{ hold: 20ms }", Rest: "when: { header.type: [changed, closed] }",
		}
		b := e2e.Start(t, e2e.Options{Routes: route.String()})
		var taken []journal.Entry
		var passed []journal.Span
		for _, e := range sent {
			if e.Rev%3 != 0 {
				taken = append(taken, e)
			} else {
				passed = append(passed, journal.Span{Key: e.Key, From: e.Rev, To: e.Rev})
			}
		}
		m := e2e.Rest{Messages: distinct(taken)}.Await(b, settleTimeout)
		if n, want := m.Sum("bridge_messages_filtered_total"), distinct(sent)-distinct(taken); n != int64(want) {
			t.Errorf("%d were filtered, want %d", n, want)
		}
		stopped(t, b)
		emptied(t, from)
		judge(t, journal.Outcome{Sent: taken, Got: e2e.Delivered(t, to), Skipped: passed})
	})
}

// typed gives each message a type.
func typed(msgs iter.Seq[journal.Message], kind func(journal.Message) string) iter.Seq[journal.Message] {
	return func(yield func(journal.Message) bool) {
		for m := range msgs {
			m.Headers["type"] = kind(m)
			if !yield(m) {
				return
			}
		}
	}
}
