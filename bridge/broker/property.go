package broker

import (
	"encoding/base64"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/tidwall/gjson"
)

// Property returns what AMQP knew of a message beside its headers: a property
// by its name, such as message-id or content-type, or routing-key, or exchange.
// Numbers are digits; a timestamp is in seconds since 1970. It is false for a
// property that was not set.
func Property(md message.Metadata, name string) (string, bool) {
	text, ok := md[HeaderAMQP]
	if !ok || !isProperty(name) {
		return "", false
	}
	r := gjson.Get(text, name)
	if r.Type == gjson.Number {
		return r.Raw, true
	}
	return foreignText(r)
}

// RecordKey returns the key of the Kafka record that a message came as, byte
// for byte; false if it was null, or the message did not come from Kafka.
func RecordKey(md message.Metadata) (key string, found bool) {
	return recordText(md, "key")
}

func recordText(md message.Metadata, name string) (string, bool) {
	text, ok := md[HeaderKafka]
	if !ok {
		return "", false
	}
	return foreignText(gjson.Get(text, name))
}

// foreignText is a text as sidecars write it.
func foreignText(r gjson.Result) (string, bool) {
	switch r.Type {
	case gjson.String:
		return strings.Clone(r.Str), true // a key must not keep the sidecar in memory
	case gjson.JSON: // a string that is not UTF-8
		s := r.Get("S")
		raw, err := base64.StdEncoding.DecodeString(s.Str)
		return string(raw), err == nil && s.Type == gjson.String
	}
	return "", false
}

// isProperty keeps names out of gjson that mean something to it.
func isProperty(name string) bool {
	switch name {
	case "exchange", "routing-key",
		"content-type", "content-encoding", "delivery-mode", "priority", "correlation-id", "reply-to",
		"expiration", "message-id", "timestamp", "type", "user-id", "app-id":
		return true
	}
	return false
}
