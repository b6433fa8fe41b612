package sidecar_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

func TestWhatWasPutAsideComesBack(t *testing.T) {
	var a sidecar.Aside
	if got := a.String(); got != "" {
		t.Errorf("nothing is %q", got)
	}
	a.Property("expiration", `so "on"`)
	a.Property("user-id", "\xff")
	a.Raw([]byte("table"))
	a.Header(strings.Repeat("long", 100), "v")
	a.Header("CC", []any{"a", int32(1)})
	headers := maps.Clone(amqp.Table(values))
	a.Text(headers)
	md := message.Metadata{}
	for name, v := range headers {
		s, ok := v.(string)
		if !ok {
			t.Errorf("%q is %T %v, no text", name, v, v)
		}
		md[name] = s
	}
	md[broker.HeaderAMQP] = a.String()
	o := restore(t, md)
	for name, want := range values {
		if got := o.Headers[name]; !same(got, want) {
			t.Errorf("%q came back as %T %v, want %T %v", name, got, got, want, want)
		}
	}
	if o.Expiration != `so "on"` || o.UserId != "\xff" || string(o.RawHeaders) != "table" ||
		o.Headers[strings.Repeat("long", 100)] != "v" || !same(o.Headers["CC"], []any{"a", int32(1)}) {
		t.Errorf("came back as %+v", o)
	}
	if a.Reset(); a.String() != "" {
		t.Errorf("after Reset there is still %s", a.String())
	}
}

func TestDecoderRemembersOnlyTheSame(t *testing.T) {
	var d sidecar.Decoder
	for _, c := range []struct{ text, want string }{
		{`{"content-type":"a"}`, "a"},
		{`{"content-type":"a"}`, "a"},
		{`{`, ""},
		{`{`, ""},
		{`{"content-type":"b"}`, "b"},
		{``, ""},
	} {
		o, err := d.Restore(message.Metadata{broker.HeaderAMQP: c.text, "h": "v"})
		if o.ContentType != c.want || (err == nil) != (c.want != "") || o.Headers["h"] != "v" {
			t.Errorf("%q was read as %q %v (%v)", c.text, o.ContentType, o.Headers, err)
		}
	}
	if o, err := d.Restore(message.Metadata{}); err != nil || o.ContentType != "" {
		t.Errorf("without a sidecar: %+v (%v)", o, err)
	}
}

func BenchmarkDecoder(b *testing.B) {
	var d sidecar.Decoder
	md := message.Metadata{
		broker.HeaderKey: "customer-42", broker.HeaderRevision: "17", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-01",
		broker.HeaderAMQP: `{"exchange":"","routing-key":"orders","content-type":"application/json","delivery-mode":2}`,
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Restore(md); err != nil {
			b.Fatal(err)
		}
	}
}
