package config

import (
	"fmt"
	"regexp"
	"strings"
)

// source checks one end of a route against the kind of its broker.
func (c checker) source(f From) {
	b, ok := c.broker(f.Path, f.Broker)
	if !ok {
		return
	}
	if b.Client == ClientWatermill {
		c.stockSource(f)
	}
	switch kind := b.Kind(); kind {
	case KindAMQP:
		c.only(f.Path, kind, "queue", "broker", "window", "window_bytes", "declare", "trust")
		c.only(f.Path+".declare", kind, "type", "type")
		c.queueName(f.Path+".queue", f.Queue)
	case KindKafka:
		c.only(f.Path, kind, "topic", "broker", "window", "window_bytes", "declare", "trust", "group", "protocol", "start")
		c.only(f.Path+".declare", kind, "partitions", "partitions", "replication")
		c.topicName(f.Path+".topic", f.Topic)
	}
}

func (c checker) target(t To) {
	b, ok := c.broker(t.Path, t.Broker)
	if !ok {
		return
	}
	if b.Client == ClientWatermill {
		c.stockTarget(t)
	}
	switch kind := b.Kind(); kind {
	case KindAMQP:
		c.only(t.Path, kind, "queue", "exchange", "routing_key", "broker", "declare", "headers")
		c.only(t.Path+".declare", kind, "type", "type")
		c.queueName(t.Path+".queue", t.Queue)
		c.exchange(t)
	case KindKafka:
		c.only(t.Path, kind, "topic", "broker", "key", "declare", "headers")
		c.only(t.Path+".declare", kind, "partitions", "partitions", "replication")
		c.topicName(t.Path+".topic", t.Topic.Fixed)
		if t.Declare.On && !t.Topic.IsZero() && !t.Topic.IsFixed() {
			c.Add(t.Path+".declare", "declare goes with a fixed topic", "topics that messages name are not created for them")
		}
	}
}

// ends are all settings of an end and of declare.
var ends = []string{
	"queue", "topic", "exchange", "routing_key", "group", "protocol", "start", "key",
	"type", "partitions", "replication",
}

// only reports settings below path that are not for a kind of broker; the first
// of those that are is what a wrong name of the thing itself was meant to be.
func (c checker) only(path string, kind Kind, first string, others ...string) {
	allowed := map[string]bool{first: true}
	for _, s := range others {
		allowed[s] = true
	}
	for _, s := range ends {
		if allowed[s] || !c.Has(path+"."+s) {
			continue
		}
		hint := ""
		if s == "queue" || s == "topic" || s == "exchange" {
			hint = fmt.Sprintf("%s has a %s", brand[kind], first)
		}
		c.Add(path+"."+s, fmt.Sprintf("%s is not for a broker of kind %s", s, kind), hint)
	}
}

var brand = map[Kind]string{KindAMQP: "RabbitMQ", KindKafka: "Kafka"}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func (c checker) topicName(path, name string) {
	if name != "" && (!topicName.MatchString(name) || name == "." || name == "..") {
		c.Add(path, "a Kafka topic is named with a-z, A-Z, 0-9, dot, _ and -, at most 249 long", "")
	}
}

func (c checker) queueName(path, name string) {
	switch {
	case len(name) > 255:
		c.Add(path, "a queue name has at most 255 bytes", "")
	case strings.HasPrefix(name, "amq."):
		c.Add(path, "queues that begin with amq. belong to the broker", "")
	}
}

func (c checker) exchange(t To) {
	exchangeType := map[string]bool{"topic": true, "direct": true, "fanout": true, "headers": true}
	switch {
	case t.Exchange == "" && !t.RoutingKey.IsZero():
		c.Add(t.Path+".routing_key", "routing_key goes with exchange", "a queue has none")
	case t.Exchange != "" && t.RoutingKey.IsZero():
		c.Add(t.Path, "routing_key is required with exchange", `routing_key: source takes the one that the message came with`)
	}
	if len(t.Exchange) > 255 {
		c.Add(t.Path+".exchange", "an exchange name has at most 255 bytes", "")
	}
	if len(t.RoutingKey.Fixed) > 255 {
		c.Add(t.Path+".routing_key", "a routing key has at most 255 bytes", "")
	}
	if t.Declare.Type != "" && exchangeType[t.Declare.Type] != (t.Exchange != "") {
		c.Add(t.Path+".declare.type", "this type is for "+otherThing(t), "")
	}
}

func otherThing(t To) string {
	if t.Exchange != "" {
		return "a queue, and the target is an exchange"
	}
	return "an exchange, and the target is a queue"
}
