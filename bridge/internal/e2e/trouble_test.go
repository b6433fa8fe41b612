package e2e_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// trouble is a message that cannot be ordered, and the dead letter it becomes.
type trouble struct {
	name    string
	headers amqp.Table
	reason  string
}

// TestD6_WhatCannotBeOrdered sends messages without a usable key or revision.
// Each becomes a dead letter with its reason, byte for byte, and holds nobody up.
func TestD6_WhatCannotBeOrdered(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 4097)
	revision := func(v any) amqp.Table { return amqp.Table{"key": "r", "revision": v} }
	all := []trouble{
		{"no headers", nil, "key_missing"},
		{"no key", amqp.Table{"revision": int64(1)}, "key_missing"},
		{"an empty key", amqp.Table{"key": "", "revision": int64(1)}, "key_missing"},
		{"a table as key", amqp.Table{"key": amqp.Table{"a": "b"}, "revision": int64(1)}, "key_missing"},
		{"a long key", amqp.Table{"key": long, "revision": int64(1)}, "key_invalid"},
		{"no revision", amqp.Table{"key": "r"}, "revision_missing"},
		{"an empty revision", revision(""), "revision_missing"},
		{"letters", revision("abc"), "revision_invalid"},
		{"a sign", revision("+1"), "revision_invalid"},
		{"negative text", revision("-1"), "revision_invalid"},
		{"a negative integer", revision(int32(-1)), "revision_invalid"},
		{"a blank", revision(" 1"), "revision_invalid"},
		{"a fraction", revision("1.5"), "revision_invalid"},
		{"an exponent", revision("1e3"), "revision_invalid"},
		{"hexadecimal", revision("0x1"), "revision_invalid"},
		{"Arabic digits", revision("١"), "revision_invalid"},
		{"above 2^63-1", revision("9223372036854775808"), "revision_invalid"},
		{"a float", revision(float64(1)), "revision_invalid"},
		{"a boolean", revision(true), "revision_invalid"},
		{"a timestamp", revision(time.Unix(1, 0)), "revision_invalid"},
		{"below the first", revision(int64(0)), "revision_invalid"},
		{"far above", amqp.Table{"key": "known", "revision": int64(math.MaxInt64)}, "revision_implausible"},
	}
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	rig.Publish(t, queue, ordered("known", 1))
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic)}.String()})
	e2e.Rest{Messages: 1}.Await(b, settleTimeout)
	want := map[string]amqp.Publishing{}
	for i, c := range all {
		p := amqp.Publishing{MessageId: c.name, Headers: c.headers, Body: []byte{0, 0xff, byte(i)}}
		want[c.name] = p
		rig.Publish(t, queue, p)
	}
	rig.Publish(t, queue, ordered("known", 2))
	e2e.Rest{Messages: 2, Loose: len(all)}.Await(b, settleTimeout)
	dead := byMessage(b.DeadLetters("orders"))
	for _, c := range all {
		d, ok := dead[c.name]
		if !ok || d.Reason != c.reason || d.InOrder || d.Class != "permanent" {
			t.Errorf("%s: there %v, %q %q, in order %v; want %q", c.name, ok, d.Class, d.Reason, d.InOrder, c.reason)
		}
		byteForByte(t, d, want[c.name])
	}
	wantRevisions(t, topic, "known", 1, 2)
	wantRevisions(t, topic, "r")
	stopped(t, b)
	emptied(t, e2e.Queue(queue))
}

// TestD6_Undecodable sends what is no JSON to a route that reads key and revision
// from it, and integers that a float would round.
func TestD6_Undecodable(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	bad := map[string]string{"cut off": `{"order":{"id":"a"},`, "empty": "", "bytes": "\xff\xfe"}
	for name, body := range bad {
		rig.Publish(t, queue, amqp.Publishing{MessageId: name, Body: []byte(body)})
	}
	const body = `{"order":{"id":%q},"rev":%s}`
	for _, m := range []struct{ id, rev string }{
		{"a", "9007199254740994"}, {"a", "9007199254740993"}, {"b", `"7"`},
	} {
		rig.Publish(t, queue, amqp.Publishing{Body: fmt.Appendf(nil, body, m.id, m.rev)})
	}
	for name, m := range map[string][2]string{
		"a point": {"b", "7.0"}, "an exponent": {"b", "7e0"}, "null": {"b", "null"}, "an object": {"b", "{}"},
	} {
		rig.Publish(t, queue, amqp.Publishing{MessageId: name, Body: fmt.Appendf(nil, body, m[0], m[1])})
	}
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{
		From: e2e.Queues(queue), To: e2e.Topic(topic), Key: "json.order.id", Revision: "json.rev", First: "adopt",
	}.String()})
	e2e.Rest{Messages: 3, Loose: len(bad) + 4}.Await(b, settleTimeout)
	got := map[string]string{}
	for name, d := range byMessage(b.DeadLetters("orders")) {
		got[name] = d.Reason
		if body, ok := bad[name]; ok && string(d.Body.Raw()) != body {
			t.Errorf("I9: %s: the body is %q", name, d.Body.Raw())
		}
	}
	want := map[string]string{
		"cut off": "undecodable", "empty": "undecodable", "bytes": "undecodable", "null": "revision_missing",
		"a point": "revision_invalid", "an exponent": "revision_invalid", "an object": "revision_invalid",
	}
	if !maps.Equal(got, want) {
		t.Errorf("dead letters %v, want %v", got, want)
	}
	wantRevisions(t, topic, "a", 9007199254740993, 9007199254740994)
	wantRevisions(t, topic, "b", 7)
	stopped(t, b)
}

// TestD5_Conflict sends a revision again with another body: both are kept, one of
// them as a dead letter. A thousand copies with the same body are copies.
func TestD5_Conflict(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	storm := make([]amqp.Publishing, 1000)
	for i := range storm {
		storm[i] = ordered("a", 2)
	}
	other := ordered("a", 2)
	other.MessageId, other.Body = "other", []byte("another content")
	rig.Publish(t, queue, ordered("a", 1), ordered("a", 2), ordered("a", 3))
	rig.Publish(t, queue, storm...)
	rig.Publish(t, queue, other, ordered("a", 4))
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic)}.String()})
	m := e2e.Rest{Messages: 4, Loose: 1}.Await(b, settleTimeout)
	if n := m.Sum("bridge_messages_duplicates_total"); n != 1000 {
		t.Errorf("%d duplicates, want 1000", n)
	}
	d := byMessage(b.DeadLetters("orders"))["other"]
	if d.Reason != "revision_conflict" || d.Revision == nil || *d.Revision != 2 || d.Raw() != "a" {
		t.Errorf("%q, key %q", d.Reason, d.Raw())
	}
	byteForByte(t, d, other)
	wantRevisions(t, topic, "a", 1, 2, 3, 4)
	stopped(t, b)
}

// ordered is a plain message with a key and a revision.
func ordered(key string, rev int64) amqp.Publishing {
	return amqp.Publishing{
		MessageId: fmt.Sprintf("%s/%d", key, rev), DeliveryMode: amqp.Persistent,
		Headers: amqp.Table{"key": key, "revision": rev}, Body: fmt.Appendf(nil, "%s, %d", key, rev),
	}
}

// byMessage finds dead letters by the ids of their messages.
func byMessage(all []api.DeadLetterDetail) map[string]api.DeadLetterDetail {
	found := map[string]api.DeadLetterDetail{}
	for _, d := range all {
		found[d.MessageID] = d
	}
	return found
}

// byteForByte checks I9 of a dead letter.
func byteForByte(t *testing.T, d api.DeadLetterDetail, p amqp.Publishing) {
	t.Helper()
	if !slices.Equal(d.Body.Raw(), p.Body) || d.Body.Null || d.Body.Truncated {
		t.Errorf("I9: %s: the body is %+v", p.MessageId, d.Body)
	}
	md := map[string]string{}
	for _, h := range d.Headers {
		md[h.Name] = string(h.Value.Raw())
		if whole, _ := p.Headers[h.Name].(string); h.Value.Truncated && strings.HasPrefix(whole, md[h.Name]) {
			md[h.Name] = whole
		}
	}
	sameAMQP(t, md, p)
}

// wantRevisions checks what a topic has of a key, in this order.
func wantRevisions(t *testing.T, topic, key string, want ...int64) {
	t.Helper()
	var got []int64
	for _, r := range e2e.Records(t, topic) {
		if h := e2e.Headers(r); h["bridge-key"] == key {
			var rev int64
			if _, err := fmt.Sscan(h["bridge-revision"], &rev); err != nil {
				t.Fatal(err)
			}
			got = append(got, rev)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s was delivered with the revisions %v, want %v", key, got, want)
	}
}
