package amqp

import (
	"bytes"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/config"
)

// FuzzD9Publishing makes publishings of messages with forged sidecars: nothing that
// RabbitMQ would end the channel or the connection for is published, and the message is
// read again.
func FuzzD9Publishing(f *testing.F) {
	f.Add("h", "v", `{"expiration":"soon","user-id":"root","reply-to":"amq.rabbitmq.reply-to","values":{"CC":{"l":1},"BCC":"x"}}`, "{}", []byte("body"))
	f.Add("CC", "v", `{"values":{"h":{"d":"7ff0000000000000"},"t":{"F":{"in":{"A":[{"f":"7fc00000"}]}}}},"priority":255,"delivery-mode":77,"timestamp":-1}`, "", []byte(nil))
	f.Add("bridge-null-body", "1", `{"types":{"h":"T"},"headers":"AAAA"}`, `{"timestamp":9223372036854775807}`, []byte{})
	f.Fuzz(func(t *testing.T, name, value, side, kafka string, body []byte) {
		for _, headers := range []config.Headers{config.HeadersTyped, config.HeadersText} {
			m := &message.Message{UUID: "id", Payload: body, Metadata: message.Metadata{name: value, "bridge-amqp": side, "bridge-kafka": kafka}}
			p, err := Publishing(m, headers)
			if err != nil {
				continue
			}
			checkPublishable(t, &p)
			again := Message(delivered(&p), config.TrustBridge)
			if !bytes.Equal(again.Payload, body) || (again.Payload == nil) != (body == nil) {
				t.Errorf("the body %q came as %q", body, again.Payload)
			}
			Message(delivered(&p), config.TrustNone)
		}
	})
}

func checkPublishable(t *testing.T, p *amqp.Publishing) {
	t.Helper()
	if p.Expiration != "" || p.UserId != "" || p.ReplyTo == directReply {
		t.Errorf("it ends its channel: %+v", p)
	}
	for _, s := range []string{p.ContentType, p.ContentEncoding, p.CorrelationId, p.ReplyTo, p.MessageId, p.Type, p.AppId} {
		if len(s) > shortString {
			t.Errorf("a property has %d bytes", len(s))
		}
	}
	for name, v := range p.Headers {
		if len(name) > shortString || name == "CC" || name == "BCC" || !writable(v) {
			t.Errorf("the header %q: %v", name, v)
		}
	}
}

// delivered is what a publishing is delivered as.
func delivered(p *amqp.Publishing) *amqp.Delivery {
	return &amqp.Delivery{
		Headers: p.Headers, ContentType: p.ContentType, ContentEncoding: p.ContentEncoding, DeliveryMode: p.DeliveryMode, Priority: p.Priority,
		CorrelationId: p.CorrelationId, ReplyTo: p.ReplyTo, MessageId: p.MessageId, Timestamp: p.Timestamp, Type: p.Type, AppId: p.AppId, Body: p.Body,
	}
}
