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
	switch r.Type {
	case gjson.String:
		return strings.Clone(r.Str), true // a key must not keep the sidecar in memory
	case gjson.Number:
		return r.Raw, true
	case gjson.JSON: // a string that is not UTF-8
		raw, err := base64.StdEncoding.DecodeString(r.Get("S").Str)
		return string(raw), err == nil
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
