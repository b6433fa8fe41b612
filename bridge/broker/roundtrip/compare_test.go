package roundtrip_test

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	rabbit "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// same is deep equality, of floats by their bits and of times by their seconds.
func same(a, b any) bool {
	switch x := a.(type) {
	case rabbit.Table:
		y, ok := b.(rabbit.Table)
		if !ok || len(x) != len(y) {
			return false
		}
		for name := range y {
			if v, there := x[name]; !there || !same(v, y[name]) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !same(x[i], y[i]) {
				return false
			}
		}
		return true
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Unix() == y.Unix()
	case float32:
		y, ok := b.(float32)
		return ok && math.Float32bits(x) == math.Float32bits(y)
	case float64:
		y, ok := b.(float64)
		return ok && math.Float64bits(x) == math.Float64bits(y)
	}
	return reflect.DeepEqual(a, b)
}

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
		if !same(p.got, p.want) {
			return fmt.Sprintf("%s %v, want %v", p.name, p.got, p.want)
		}
	}
	if got := withoutBridge(d.Headers); !same(got, want.Headers) {
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
