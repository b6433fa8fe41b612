package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
)

// orderOf judges whether the order that a route keeps is one that its source has
// and its target shows.
func (e *examination) orderOf(r *config.Route) {
	for _, u := range e.uses {
		if u.route != r {
			continue
		}
		t := e.topicOf(u)
		switch {
		case t == nil || t.Partitions < 2:
		case u.from != nil:
			e.orderIn(u, t)
		case u.role == roleTarget:
			e.orderOut(u, t)
		}
	}
	if len(r.From) > 1 && r.Order.By == config.ByArrival {
		b, _ := e.file.Broker(r.From[0].Broker)
		e.add(at{b.Name, r.Name, r.Path + ".from"}, Warning, "order-source",
			fmt.Sprintf("the route reads %d sources by arrival: the order between them is chance", len(r.From)),
			"a route per source, unless each key comes from one of them; or by: revision")
	}
}

// topicOf is what was told of the topic of a use, or nil.
func (e *examination) topicOf(u use) *survey.Topic {
	k := e.surveys[u.broker.Name].Kafka
	if k == nil || u.topic() == "" {
		return nil
	}
	return k.Topics[u.topic()]
}

// orderIn judges a source of several partitions.
func (e *examination) orderIn(u use, t *survey.Topic) {
	order := u.route.Order
	byKey := slices.Contains(order.Key, config.Field{Kind: config.MessageKey})
	several := fmt.Sprintf("the topic has %s, ", count(t.Partitions, "partition"))
	switch {
	case order.By == config.ByArrival && len(order.Key) == 0:
		e.add(u.at("topic"), Error, "order-source", several+"and the route keeps the order of the whole source, which Kafka does not have",
			"order: { by: arrival, key: message_key }, or a topic with one partition")
	case order.By == config.ByArrival && !byKey:
		e.add(u.at("topic"), Warning, "order-source", several+fmt.Sprintf("and the key of the order is %s, not the record key", fields(order.Key)),
			"key: message_key; or make sure that the producer partitions by that field")
	case order.By == config.ByRevision && !byKey:
		e.add(u.at("topic"), Note, "order-source", several+fmt.Sprintf("and the key of the order is %s, not the record key: if the producer partitions by something else, revisions of a key come swapped and are parked", fields(order.Key)), "")
	}
}

// orderOut judges a target of several partitions.
func (e *examination) orderOut(u use, t *survey.Topic) {
	order := u.route.Order
	several := fmt.Sprintf("the topic has %s, ", count(t.Partitions, "partition"))
	switch {
	case order.By == config.ByNone:
	case len(u.to.Key) == 0:
		e.add(u.at("topic"), Warning, "order-target", several+"and the order of the route is without a key: its records spread over them",
			"a topic with one partition, or an order.key")
	case !covers(order.Key, u.to.Key):
		e.add(u.at("key"), Warning, "order-target", several+fmt.Sprintf("and the record key is %s, while the key of the order is %s", fields(u.to.Key), fields(order.Key)),
			"take key out of to: the record key is then the key of the order")
	}
}

// covers reports whether messages of one key of the order have one record key: it is
// made of some of the same fields.
func covers(order, record []config.Field) bool {
	for _, f := range record {
		if !slices.Contains(order, f) {
			return false
		}
	}
	return true
}

func fields(all []config.Field) string {
	var names []string
	for _, f := range all {
		names = append(names, f.String())
	}
	return strings.Join(names, " + ")
}

// What a message in RabbitMQ may weigh where nobody has set max_message_size.
const (
	rabbitSize  = 128 << 20
	rabbitSize4 = 16 << 20 // from 4.0 on
)

// sizesOf compares what sources hold with what the target takes.
func (e *examination) sizesOf(r *config.Route) {
	var target use
	for _, u := range e.uses {
		if u.route == r && u.role == roleTarget {
			target = u
		}
	}
	takes, what := e.largest(target)
	if takes == 0 {
		return
	}
	for _, u := range e.uses {
		if u.route != r || u.from == nil {
			continue
		}
		holds, of := e.largest(u)
		if holds <= takes {
			continue
		}
		do := ""
		if larger := min(holds, e.sends(target)); larger > takes {
			do = alter(target, "max.message.bytes", fmt.Sprint(larger))
		}
		severity := Warning
		if u.broker.AMQP != nil {
			severity = Note // it takes as much by default; hardly anybody sends it
		}
		e.add(target.at(naming(target)), severity, "size-limit",
			fmt.Sprintf("the source may hold messages of %s (%s), the target takes %s (%s), headers included", size(holds), of, size(takes), what), do)
	}
}

// sends is the largest record that the bridge sends to a topic that is known; 0: it
// is none.
func (e *examination) sends(u use) int64 {
	if e.topicOf(u) == nil {
		return 0
	}
	return e.surveys[u.broker.Name].Kafka.LargestRecord
}

// largest is how large a message may be at an end, as far as that is known; 0: it
// is not.
func (e *examination) largest(u use) (bytes int64, what string) {
	s := e.surveys[u.broker.Name]
	switch {
	case s.AMQP != nil && since(s.AMQP.Version, 4, 0):
		return rabbitSize4, "the default max_message_size of RabbitMQ " + s.AMQP.Version
	case s.AMQP != nil:
		return rabbitSize, "the default max_message_size of RabbitMQ " + s.AMQP.Version
	}
	t := e.topicOf(u)
	if t == nil || t.Settings == nil {
		return 0, ""
	}
	n := number(t.Settings, "max.message.bytes", 0)
	if most := s.Kafka.LargestRecord; u.to != nil && n > most {
		return most, "what the bridge sends"
	}
	return n, "max.message.bytes of the topic"
}
