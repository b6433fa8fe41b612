package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
)

// replace changes a topology.
func replace(t *testing.T, text, old, by string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q is not there once", old)
	}
	return strings.Replace(text, old, by, 1)
}

// picky is the topology with conditions in route one.
func picky(t *testing.T, when string) string {
	t.Helper()
	from := "    from: { broker: in, queue: one }\n"
	return replace(t, topology, from, from+"    when: "+when+"\n")
}

// deadBy are the reasons of a route's dead letters, by what is in their body.
func deadBy(t *testing.T, s store.Store, route string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: route}) {
		if err != nil {
			t.Fatal(err)
		}
		all[string(d.Payload)] = d.Reason
	}
	return all
}

// TestWhen_EveryField takes by every kind of field; what is not taken settles
// its revision and leaves no gap.
func TestWhen_EveryField(t *testing.T) {
	const side = `{"exchange":"x","routing-key":"eu.orders","app-id":"shop"}`
	for _, c := range []struct{ when, taken, not string }{
		{`{ header.type: [A, B] }`, "type=B", "type=C"},
		{`{ header.type: A }`, "type=A", ""},
		{`{ property.app-id: shop }`, broker.HeaderAMQP + "=" + side, broker.HeaderAMQP + `={"exchange":"x","app-id":"crm"}`},
		{`{ routing_key: eu.orders }`, broker.HeaderAMQP + "=" + side, broker.HeaderAMQP + `={"exchange":"x","routing-key":"us"}`},
		{`{ message_key: k }`, broker.HeaderKafka + `={"topic":"t","partition":0,"offset":1,"key":"k"}`, broker.HeaderKafka + `={"topic":"t","partition":0,"offset":1}`},
		{`{ json.kind: "7" }`, `body={"kind":7}`, `body={"kind":70}`},
		{`{ json.kind: "true" }`, `body={"kind":true}`, `body={"kind":{"true":true}}`},
		{`{ header.type: A, json.kind: x }`, `type=A body={"kind":"x"}`, `type=A body={"kind":"y"}`},
	} {
		t.Run(c.when, func(t *testing.T) {
			r := brokers()
			s := memorystore.New()
			r.run(t, picky(t, c.when), bridge.Options{Store: s})
			for rev := 1; rev <= 30; rev++ {
				m := event("a", rev)
				set(m, []string{c.taken, c.not, c.not}[rev%3])
				r.in.Put("one", m)
			}
			await(t, "everything", func() bool {
				n := r.route(t, "one").Counts
				return n.Received == 30 && n.Filtered == 20 && n.Delivered == 10 && n.InMemory == 0 && n.Unaccounted == 0
			})
			if got := r.revisions("one", "a"); len(got) != 10 || got[0] != "3" || got[9] != "30" {
				t.Errorf("the target has %v", got)
			}
			if n := r.route(t, "one").Counts; n.Dead+n.Skipped+int64(len(n.Keys)) != 0 {
				t.Errorf("%+v", n)
			}
		})
	}
}

// set puts what a text says into a message: headers, and the body.
func set(m *message.Message, text string) {
	for _, part := range strings.Fields(text) {
		name, value, _ := strings.Cut(part, "=")
		if name == "body" {
			m.Payload = []byte(value)
			continue
		}
		m.Metadata[name] = value
	}
}

// TestWhen_WhatCannotBeJudged is a dead letter; but a condition that a message
// does not meet decides, whatever the others, its key and its revision are.
func TestWhen_WhatCannotBeJudged(t *testing.T) {
	r := brokers()
	s := memorystore.New()
	r.run(t, picky(t, `{ json.kind: x, header.type: A }`), bridge.Options{Store: s})
	put := func(text string, m *message.Message) {
		set(m, text)
		r.in.Put("one", m)
	}
	put(`type=A body=no-json`, event("a", 1))
	put(`type=B body=not-for-us`, event("b", 1))
	put(`type=B body=marked `+broker.HeaderUndecodable+`=headers`, event("c", 1))
	put(`type=B body=no-revision revision=`, event("d", 1))
	put(`type=A body={"kind":"x","n":1} revision=`, event("e", 1))
	put(`type=B body=circles `+broker.HeaderHops+`=99`, event("f", 1))
	await(t, "everything", func() bool {
		n := r.route(t, "one").Counts
		return n.Received == 6 && n.InMemory == 0 && n.Filtered == 3 && n.Unaccounted == 0
	})
	want := map[string]string{"no-json": "undecodable", "marked": "undecodable", `{"kind":"x","n":1}`: "revision_missing"}
	if got := deadBy(t, s, "one"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("dead letters %v, want %v", got, want)
	}
	put(`type=A body={"kind":"x"}`, event("a", 1))
	await(t, "the next one", func() bool { return slices.Equal(r.revisions("one", "a"), []string{"1"}) })
}
