package bridge_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
)

// undertaker reads what others gave up.
const undertaker = `
brokers:
  in: { memory: {} }
  out: { memory: {} }
store: { memory: {} }
admin: { listen: off }
defaults:
  dead_letter: { stop_after: 1 of 1 }
routes:
  - name: one
    from: { broker: in, queue: one, dead_letters: true }
    to: { broker: out, queue: origin }
    order: { by: none }
`

// poisoned is a message as Watermill's PoisonQueue leaves it.
func poisoned(id, topic string) *message.Message {
	m := message.NewMessage(id, []byte("body of "+id))
	m.Metadata["reason_poisoned"], m.Metadata["handler_poisoned"] = "no such order", "bill"
	if topic != "" {
		m.Metadata["topic_poisoned"] = topic
	}
	return m
}

// TestGivenUp_ComesBackToItsOrigin: what others gave up is a dead letter with their
// reason; redriven it is what it was, where it was. Without an origin it stays one,
// and says why.
func TestGivenUp_ComesBackToItsOrigin(t *testing.T) {
	r, s := brokers(), memorystore.New()
	r.run(t, undertaker, bridge.Options{Store: s})
	unknown := message.NewMessage("unknown", []byte("body of unknown"))
	unknown.Metadata["type"] = "order"
	r.in.Put("one", poisoned("back", "two"), poisoned("nowhere", ""), unknown)
	await(t, "the dead letters", func() bool { return r.route(t, "one").Counts.Dead == 3 })
	if st := r.route(t, "one"); st.Counts.Delivered != 0 || st.Counts.Unaccounted != 0 || len(r.in.Messages("one")) != 0 {
		t.Errorf("%+v", st)
	}
	for id, says := range map[string]string{
		"back": "watermill: bill: no such order (from two)", "nowhere": "watermill: bill: no such order", "unknown": "no header says why it was given up",
	} {
		d := deadLetters(t, s)[id]
		if d.Reason != "foreign" || d.Class != "permanent" || d.Error != says || d.Metadata[broker.HeaderHops] != "" {
			t.Errorf("%s: %s %s %q %v", id, d.Class, d.Reason, d.Error, d.Metadata)
		}
		if _, err := r.Redrive(t.Context(), "one", d.ID, api.Change{By: "me", Reason: "mended"}); err != nil {
			t.Error(err)
		}
	}
	await(t, "one to be back and two to be dead again", func() bool {
		all := deadLetters(t, s)
		return len(r.out.Messages("two")) == 1 && len(all) == 2 && all["nowhere"].Reason == "unroutable" && all["unknown"].Reason == "unroutable"
	})
	got := r.out.Messages("two")[0]
	want := maps.Clone(poisoned("back", "two").Metadata)
	want[broker.HeaderMessageID], want[broker.HeaderHops] = "back", "1"
	if string(got.Payload) != "body of back" || !maps.Equal(got.Metadata, want) {
		t.Errorf("%q %v", got.Payload, got.Metadata)
	}
	if d := deadLetters(t, s)["unknown"]; !strings.Contains(d.Error, "origin") {
		t.Error(d.Error)
	}
	await(t, "the books", func() bool {
		c := r.route(t, "one").Counts
		return c.Unaccounted == 0 && c.Dead == 2 && c.Redriven == 1
	})
}

// TestGivenUp_AttemptsOfOthers: however often others tried, it is read when it is
// redriven, and has the headers of a delivered message.
func TestGivenUp_AttemptsOfOthers(t *testing.T) {
	r, s := brokers(), memorystore.New()
	r.run(t, strings.Replace(undertaker, "origin", "two", 1), bridge.Options{Store: s})
	m := message.NewMessage("a", []byte("body"))
	m.Metadata["NServiceBus.FailedQ"], m.Metadata["NServiceBus.Retries"] = "sales", "3"
	r.in.Put("one", m)
	await(t, "the dead letter", func() bool { return r.route(t, "one").Counts.Dead == 1 })
	d := deadLetters(t, s)["a"]
	if d.Attempts != 3 {
		t.Errorf("%d attempts", d.Attempts)
	}
	if _, err := r.Redrive(t.Context(), "one", d.ID, api.Change{By: "me", Reason: "mended"}); err != nil {
		t.Error(err)
	}
	await(t, "it to be back", func() bool { return len(r.out.Messages("two")) == 1 })
	if got := r.out.Messages("two")[0]; got.Metadata[broker.HeaderHops] != "1" {
		t.Errorf("%v", got.Metadata)
	}
}
