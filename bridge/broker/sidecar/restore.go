package sidecar

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// Original is a message as AMQP knew it, without its body.
type Original struct {
	Exchange   string
	RoutingKey string
	// RawHeaders is the whole header table in AMQP's own form, if the client
	// could not read it. Headers is then empty.
	RawHeaders []byte
	amqp.Publishing
}

// Restore rebuilds what Encode was given. Metadata without a sidecar is all
// string headers; a sidecar that cannot be read is an error, and the rest is
// returned as if there were none. Nothing is judged here: a restored user-id or
// expiration may kill the channel it is published on.
func Restore(md message.Metadata) (Original, error) {
	return new(Decoder).Restore(md)
}

// Decoder restores messages. It remembers the last sidecar, because most
// messages of a queue have the same: nested values may be shared by what it
// returns, and must not be changed. The zero value is ready. One goroutine at a
// time.
type Decoder struct {
	text string
	last content
	err  error
}

// Restore is the function Restore.
func (d *Decoder) Restore(md message.Metadata) (Original, error) {
	text, ok := md[broker.HeaderAMQP]
	if !ok {
		return content{}.with(md), nil
	}
	if text != d.text || d.text == "" {
		d.text = text
		d.last, d.err = read(text)
	}
	if d.err != nil {
		return content{}.with(md), fmt.Errorf("read header %s: %w", broker.HeaderAMQP, d.err)
	}
	return d.last.with(md), nil
}

// content is what a sidecar says.
type content struct {
	Original // without headers
	types    map[string]byte
	values   amqp.Table
}

// with joins it with the texts.
func (c content) with(md message.Metadata) Original {
	o := c.Original
	o.Headers = make(amqp.Table, len(md)+len(c.values))
	for name, v := range md {
		if name != broker.HeaderAMQP && name != broker.HeaderUndecodable {
			o.Headers[name] = v
		}
	}
	for name, letter := range c.types {
		if s, ok := o.Headers[name].(string); ok {
			if v, ok := parse(letter, s); ok {
				o.Headers[name] = v
			}
		}
	}
	for name, v := range c.values {
		if _, edited := o.Headers[name]; !edited {
			o.Headers[name] = v
		}
	}
	return o
}

// form is the sidecar's JSON. Strings are values: they may be no UTF-8.
type form struct {
	Headers []byte            `json:"headers"`
	Types   map[string]string `json:"types"`
	Values  map[string]any    `json:"values"`

	Exchange        any    `json:"exchange"`
	RoutingKey      any    `json:"routing-key"`
	ContentType     any    `json:"content-type"`
	ContentEncoding any    `json:"content-encoding"`
	CorrelationID   any    `json:"correlation-id"`
	ReplyTo         any    `json:"reply-to"`
	Expiration      any    `json:"expiration"`
	MessageID       any    `json:"message-id"`
	Type            any    `json:"type"`
	UserID          any    `json:"user-id"`
	AppID           any    `json:"app-id"`
	DeliveryMode    uint8  `json:"delivery-mode"`
	Priority        uint8  `json:"priority"`
	Timestamp       *int64 `json:"timestamp"`
}

// read is the inverse of what Encode writes.
func read(text string) (content, error) {
	if c, ok := readSimple(text); ok {
		return c, nil
	}
	return readAny(text)
}

// readAny reads it in any form.
func readAny(text string) (content, error) {
	var f form
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&f); err != nil {
		return content{}, err
	}
	values, err := decodeTable(f.Values, 0)
	if err != nil {
		return content{}, err
	}
	c := content{values: values, types: make(map[string]byte, len(f.Types))}
	for name, letter := range f.Types {
		if len(letter) == 1 {
			c.types[decodeName(name)] = letter[0]
		}
	}
	c.RawHeaders = f.Headers
	return c, restoreProperties(&f, &c.Original)
}

func restoreProperties(f *form, o *Original) error {
	for _, p := range [...]struct {
		from any
		to   *string
	}{
		{f.Exchange, &o.Exchange},
		{f.RoutingKey, &o.RoutingKey},
		{f.ContentType, &o.ContentType},
		{f.ContentEncoding, &o.ContentEncoding},
		{f.CorrelationID, &o.CorrelationId},
		{f.ReplyTo, &o.ReplyTo},
		{f.Expiration, &o.Expiration},
		{f.MessageID, &o.MessageId},
		{f.Type, &o.Type},
		{f.UserID, &o.UserId},
		{f.AppID, &o.AppId},
	} {
		v, err := decodeValue(p.from, 0)
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		s, ok := v.(string)
		if !ok {
			return fmt.Errorf("a property is %T, not a string", v)
		}
		*p.to = s
	}
	o.DeliveryMode, o.Priority = f.DeliveryMode, f.Priority
	if f.Timestamp != nil {
		o.Timestamp = time.Unix(*f.Timestamp, 0)
	}
	return nil
}
