package roundtrip_test

import (
	"bytes"
	"fmt"
	"strings"

	rabbit "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
)

// withoutBridge is a table without what the bridge adds.
func withoutBridge(t rabbit.Table) rabbit.Table {
	out := rabbit.Table{}
	for name, v := range t {
		if !strings.HasPrefix(name, "bridge-") {
			out[name] = v
		}
	}
	return out
}

// differs says how a delivery and what was published differ.
func differs(d *rabbit.Delivery, want *rabbit.Publishing) string {
	if !bytes.Equal(d.Body, want.Body) {
		return fmt.Sprintf("body %q, want %q", d.Body, want.Body)
	}
	for _, p := range [...]struct {
		name      string
		got, want any
	}{
		{"content-type", d.ContentType, want.ContentType},
		{"content-encoding", d.ContentEncoding, want.ContentEncoding},
		{"delivery-mode", d.DeliveryMode, want.DeliveryMode},
		{"priority", d.Priority, want.Priority},
		{"correlation-id", d.CorrelationId, want.CorrelationId},
		{"reply-to", d.ReplyTo, want.ReplyTo},
		{"expiration", d.Expiration, want.Expiration},
		{"message-id", d.MessageId, want.MessageId},
		{"timestamp", d.Timestamp, want.Timestamp},
		{"type", d.Type, want.Type},
		{"user-id", d.UserId, want.UserId},
		{"app-id", d.AppId, want.AppId},
	} {
		if !brokertest.Same(p.got, p.want) {
			return fmt.Sprintf("%s %v, want %v", p.name, p.got, p.want)
		}
	}
	if got := withoutBridge(d.Headers); !brokertest.Same(got, want.Headers) {
		return fmt.Sprintf("headers %#v,\nwant %#v", got, want.Headers)
	}
	return ""
}

// recordDiffers says how two records differ, but for what the bridge adds.
func recordDiffers(got, want *kgo.Record) string {
	var headers []kgo.RecordHeader
	for _, h := range got.Headers {
		if !strings.HasPrefix(h.Key, "bridge-") && h.Key != broker.HeaderWatermillID { // which headers: text adds
			headers = append(headers, h)
		}
	}
	switch {
	case !sameBytes(got.Key, want.Key):
		return fmt.Sprintf("key %#v, want %#v", got.Key, want.Key)
	case !sameBytes(got.Value, want.Value):
		return fmt.Sprintf("value %#v, want %#v", got.Value, want.Value)
	case !got.Timestamp.Equal(want.Timestamp):
		return fmt.Sprintf("time %v, want %v", got.Timestamp, want.Timestamp)
	case len(headers) != len(want.Headers):
		return fmt.Sprintf("headers %.2000q, want %.2000q", headers, want.Headers)
	}
	for i, h := range headers {
		if h.Key != want.Headers[i].Key || !sameBytes(h.Value, want.Headers[i].Value) {
			return fmt.Sprintf("headers %.2000q, want %.2000q", headers, want.Headers)
		}
	}
	return ""
}

// sameBytes is equality in which null is not empty.
func sameBytes(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
