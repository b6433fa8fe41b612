package e2e_test

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
)

// judgeHostile holds what became of them against what was to, and leaves in arrivals
// what is not of theirs.
func judgeHostile(t *testing.T, all []hostile, to e2e.Place, arrivals *[]e2e.Arrival, letters []api.Letter) {
	t.Helper()
	delivered, dead := map[string][]*message.Message{}, map[string][]api.Letter{}
	*arrivals = slices.DeleteFunc(*arrivals, func(a e2e.Arrival) bool {
		name, is := a.Metadata["n"]
		if is {
			delivered[name] = append(delivered[name], a.Message)
		}
		return is
	})
	for _, l := range letters {
		name := cmp.Or(metadataOf(l)["n"], l.MessageID)
		dead[name] = append(dead[name], l)
	}
	for _, h := range all {
		reason := h.fate(to)
		switch came, letters := delivered[h.name], dead[h.name]; {
		case h.parked:
			if len(came)+len(letters) > 0 {
				t.Errorf("%s: %d arrived, and %d are dead letters, and it was to wait: %s", h.name, len(came), len(letters), reasons(letters))
			}
		case reason == "" && (len(came) != 1 || len(letters) > 0):
			t.Errorf("%s: %d arrived, and %d are dead letters: %s", h.name, len(came), len(letters), reasons(letters))
		case reason == "":
			h.compare(t, came[0], to)
		case len(letters) != 1 || len(came) > 0:
			t.Errorf("%s: %d arrived, and %d are dead letters, want one: %s", h.name, len(came), len(letters), reasons(letters))
		default:
			l := letters[0]
			if l.Reason != reason || l.Class != "permanent" || l.InOrder != slices.Contains(inOrder, reason) || l.Attempts > 1 || l.Error == "" {
				t.Errorf("%s: %s, %s after %d tries (%s), want %s", h.name, l.Reason, l.Class, l.Attempts, l.Error, reason)
			}
			h.compare(t, &message.Message{Metadata: metadataOf(l), Payload: bodyOf(l.Body)}, to)
		}
		delete(delivered, h.name)
		delete(dead, h.name)
	}
	for name := range delivered {
		t.Errorf("%.100q arrived and was not sent", name)
	}
	for name, letters := range dead {
		t.Errorf("%.100q is a dead letter and was not sent: %s", name, reasons(letters))
	}
}

// compare holds a message against what was sent.
func (h hostile) compare(t *testing.T, m *message.Message, to e2e.Place) {
	t.Helper()
	want := h.p.Body
	if h.r != nil {
		want = h.r.Value
	}
	isNull := h.null || h.r != nil && want == nil
	if !bytes.Equal(m.Payload, want) || (m.Payload == nil) != isNull {
		t.Errorf("I9: %s: the body has %d bytes, null %v; want %d, null %v", h.name, len(m.Payload), m.Payload == nil, len(want), isNull)
	}
	switch {
	case h.forges:
	case h.r != nil:
		h.compareRecord(t, m, to)
	default:
		h.comparePublishing(t, m)
	}
}

func (h hostile) comparePublishing(t *testing.T, m *message.Message) {
	t.Helper()
	o, err := sidecar.Restore(m.Metadata)
	if err != nil {
		t.Errorf("I9: %s: %v", h.name, err)
		return
	}
	if o.RawHeaders != nil { // whole, but in no form to compare
		if len(o.RawHeaders) < len(h.p.Headers) {
			t.Errorf("I9: %s: %d bytes of headers are left", h.name, len(o.RawHeaders))
		}
		return
	}
	got, want := o.Publishing, h.p
	got.Body, want.Body = nil, nil
	if want.MessageId == "" {
		got.MessageId = ""
	}
	got.Headers, want.Headers = withoutOurs(got.Headers), withoutOurs(want.Headers)
	if _, sent := want.Headers[broker.HeaderWatermillID]; !sent {
		delete(got.Headers, broker.HeaderWatermillID) // which headers: text adds
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("I9: %s: came as\n%.2000q, sent as\n%.2000q", h.name, fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want))
	}
}

func withoutOurs(headers amqp.Table) amqp.Table {
	out := amqp.Table{}
	for name, v := range headers {
		if !strings.HasPrefix(name, "bridge-") {
			out[name] = v
		}
	}
	return out
}

func (h hostile) compareRecord(t *testing.T, m *message.Message, to e2e.Place) {
	t.Helper()
	o, err := sidecar.RestoreRecord(m.Metadata)
	if err != nil {
		t.Errorf("I9: %s: %v", h.name, err)
		return
	}
	ours := func(x kgo.RecordHeader) bool { return strings.HasPrefix(x.Key, "bridge-") }
	want := slices.DeleteFunc(slices.Clone(h.r.Headers), ours)
	sent := slices.ContainsFunc(want, func(x kgo.RecordHeader) bool { return x.Key == broker.HeaderWatermillID })
	got := slices.DeleteFunc(slices.Clone(o.Headers), func(x kgo.RecordHeader) bool {
		return ours(x) || !sent && x.Key == broker.HeaderWatermillID // which headers: text adds
	})
	same := slices.EqualFunc(got, want, func(a, b kgo.RecordHeader) bool {
		return a.Key == b.Key && bytes.Equal(a.Value, b.Value) && (a.Value == nil) == (b.Value == nil)
	})
	if !same {
		t.Errorf("I9: %s: came with the headers\n%.2000q, sent with\n%.2000q", h.name, got, want)
	}
	if o.Topic == to.String() { // a record of its own, with the key of the order
		return
	}
	if !bytes.Equal(o.Key, h.r.Key) || (o.Key == nil) != (h.r.Key == nil) {
		t.Errorf("I9: %s: came with the key %.100q, sent with %.100q", h.name, o.Key, h.r.Key)
	}
	if at := h.r.Timestamp; !at.IsZero() && !o.Timestamp.Equal(at) {
		t.Errorf("I9: %s: came as of %v, sent as of %v", h.name, o.Timestamp, at)
	}
}

func metadataOf(l api.Letter) message.Metadata {
	md := message.Metadata{}
	for _, h := range l.Headers {
		md[h.RawName()] = string(h.Value.Raw())
	}
	return md
}

// bodyOf is a body as it was exported.
func bodyOf(b api.Bytes) []byte {
	if raw := b.Raw(); raw != nil || b.Null {
		return raw
	}
	return []byte{}
}

func reasons(letters []api.Letter) string {
	var all []string
	for _, l := range letters {
		all = append(all, l.Reason+" ("+l.Error+")")
	}
	return strings.Join(all, ", ")
}
