package doctor

import (
	"fmt"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

// routes judges each end of each route, and then both together.
func (e *examination) routes() {
	for _, u := range e.uses {
		switch s := e.surveys[u.broker.Name]; {
		case s.AMQP != nil:
			e.onRabbit(u, s.AMQP)
		case s.Kafka != nil:
			e.onKafka(u, s.Kafka)
		}
	}
	for i := range e.file.Routes {
		e.orderOf(&e.file.Routes[i])
		e.sizesOf(&e.file.Routes[i])
	}
}

func (e *examination) onRabbit(u use, a *survey.AMQP) {
	switch {
	case u.to != nil && u.to.OriginQueue():
		e.add(u.at("queue"), Note, "broker-not-looked-at", "each message names the queue", "")
	case u.queue() != "":
		e.queue(u, a, a.Queues[u.queue()])
	case u.to != nil && u.to.Exchange != "":
		e.exchange(u, a, a.Exchanges[u.to.Exchange])
	}
}

func (e *examination) onKafka(u use, k *survey.Kafka) {
	if u.topic() == "" {
		e.add(u.at("topic"), Note, "broker-not-looked-at", fmt.Sprintf("each message names the topic (%s)", u.to.Topic), "")
		return
	}
	e.topic(u, k, k.Topics[u.topic()])
	if u.from != nil {
		e.group(u, k, k.Groups[survey.Group{Name: u.from.Group, Topic: u.topic()}])
	}
}

// missing notes an entity that is not there; one that the route declares will be.
func (e *examination) missing(u use, setting, code, what, do string) {
	if u.declare().On {
		e.add(u.at(setting), Note, code, what+" is missing; the route creates it when it starts (declare)", "")
		return
	}
	e.add(u.at(setting), Error, code, what+" is missing, for the "+u.role+" of the route", do)
}
