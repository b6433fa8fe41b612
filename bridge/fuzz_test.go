package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering"
)

// FuzzD9Identify forges whatever a bridge believes of what another one has written, and
// asks that a message is identified or refused, with a reason, and says so itself.
func FuzzD9Identify(f *testing.F) {
	f.Add("a", "1", "15", `{"routing-key":"r","types":{"revision":"d"}}`, `{"key":"k","topic":"t","partition":0,"offset":7}`, []byte(`{"id":1}`))
	f.Add("a", "1", "-9223372036854775808", `{`, `[`, []byte(`{"id":1}`))
	f.Add("", "", "16", strings.Repeat(`{"a":`, 50), `{"key":{"S":"/w=="}}`, []byte(strings.Repeat("[", 50)))
	var all []identifier
	for _, order := range []config.By{config.ByRevision, config.ByArrival, config.ByNone} {
		for _, kind := range []config.FieldKind{config.Header, config.MessageKey, config.RoutingKey, config.JSON} {
			r := config.Route{Name: "r", From: []config.From{{}}}
			r.Order.By = order
			if order != config.ByNone {
				r.Order.Key = []config.Field{{Kind: kind, Name: "key"}}
			}
			if order == config.ByRevision {
				r.Order.Revision = config.Field{Kind: config.Header, Name: "revision"}
			}
			r.When = []config.Match{{Field: config.Field{Kind: config.JSON, Name: "id"}, Values: []string{"1"}}}
			all = append(all, newIdentifier(r))
		}
	}
	f.Fuzz(func(t *testing.T, key, rev, hops, amqp, kafka string, body []byte) {
		for _, i := range all {
			m := &message.Message{Payload: body, Metadata: message.Metadata{
				"key": key, "revision": rev, "bridge-hops": hops, "bridge-amqp": amqp, "bridge-kafka": kafka, "bridge-key": key, "bridge-revision": rev,
			}}
			id, err := i.identify(m)
			if refused, is := errors.AsType[*ordering.IdentifyError](err); err != nil && (!is || refused.Reason == "" || refused.Same == "") {
				t.Errorf("refused without a reason: %v", err)
			}
			if err != nil {
				continue
			}
			if n, err := strconv.Atoi(m.Metadata["bridge-hops"]); err != nil || n < 1 || n > maxHops {
				t.Errorf("after %q it has passed %q bridges", hops, m.Metadata["bridge-hops"])
			}
			if m.UUID == "" || m.Metadata["bridge-message-id"] != m.UUID {
				t.Errorf("the id is %q, and is said to be %q", m.UUID, m.Metadata["bridge-message-id"])
			}
			if i.order == config.ByRevision && (m.Metadata["bridge-key"] != id.Key || m.Metadata["bridge-revision"] != fmt.Sprint(id.Revision)) {
				t.Errorf("%+v is said to be %q, %q", id, m.Metadata["bridge-key"], m.Metadata["bridge-revision"])
			}
		}
	})
}

// FuzzReplyTo asks for replies at places that are none, or not the sender's to name.
func FuzzReplyTo(f *testing.F) {
	for _, to := range []string{"answers", "amq.rabbitmq.reply-to", "__consumer_offsets", "in", "out", "a\nb", "..", "", strings.Repeat("q", 256)} {
		f.Add(to, fmt.Sprintf(`{"reply-to":%q,"correlation-id":"c"}`, to))
	}
	routes := map[bool]func(*message.Message) *string{}
	for _, kafka := range []bool{false, true} {
		file := &config.File{Brokers: []config.Broker{{Name: "b", AMQP: &config.AMQP{}}}}
		r := config.Route{From: []config.From{{Broker: "b", Queue: "in"}}, To: config.To{Broker: "b", Queue: "out"}}
		if kafka {
			file.Brokers[0] = config.Broker{Name: "b", Kafka: &config.Kafka{}}
			r.From, r.To = []config.From{{Broker: "b", Topic: "in"}}, config.To{Broker: "b", Topic: config.Dynamic{Fixed: "out"}}
		}
		r.DeadLetter.Reply = true
		read := replyTo(file, r)
		routes[kafka] = func(m *message.Message) *string {
			if reply := read(m); reply != nil {
				return &reply.To
			}
			return nil
		}
	}
	f.Fuzz(func(t *testing.T, header, sidecar string) {
		m := &message.Message{Metadata: message.Metadata{"kafka_replyTopic": header, "reply-to": header, "bridge-amqp": sidecar}}
		for kafka, read := range routes {
			to := read(m)
			if to == nil {
				continue
			}
			if *to == "" || *to == "in" || *to == "out" || len(*to) > 255 || strings.ContainsFunc(*to, unicode.IsControl) ||
				strings.HasPrefix(*to, map[bool]string{true: "__", false: "amq."}[kafka]) {
				t.Errorf("kafka %v: %q is answered", kafka, *to)
			}
		}
	})
}

// FuzzImport takes dead letters in as others may have written them.
func FuzzImport(f *testing.F) {
	f.Add([]byte(`{"id":"1","key":"a","revision":7,"message_id":"m","headers":[{"name":"h","name_base64":"/w==","value":{"size":1,"text":"v"}}],"body":{"size":0,"null":true}}`))
	f.Add([]byte(`{"id":"1","body":{"base64":"AA==","text":"x","truncated":true}}`))
	f.Add([]byte(`{"id":"","revision":-9223372036854775808,"epoch":4294967295,"at":"9999-12-31T23:59:59Z"}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var l api.Letter
		if json.Unmarshal(doc, &l) != nil {
			return
		}
		d, err := letterOf(&l)
		if err != nil {
			return
		}
		if d.ID == "" || len(d.Metadata) > len(l.Headers) || (d.Payload == nil) != l.Body.Null {
			t.Errorf("%s is %+v", doc, d)
		}
	})
}
