package doctor

import (
	"fmt"
	"strings"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
)

// queue judges a queue that is read or written.
func (e *examination) queue(u use, a *survey.AMQP, q *survey.Queue) {
	name := u.queue()
	switch {
	case q == nil:
		return
	case q.Missing:
		e.missing(u, "queue", "amqp-queue-missing", fmt.Sprintf("queue %q", name),
			fmt.Sprintf("add declare: true to the route's %q, or create it as its owner wants it", end(u)))
		e.rightToDeclare(u, a, name)
		return
	case q.Denied:
		e.add(u.at("queue"), Error, "amqp-permission", q.Err.Error(), managed(a, "list_queues name owner_pid exclusive")+"; an exclusive queue is its owner's alone")
		return
	case q.Err != nil:
		e.unanswered(u, "queue", q.Err, managed(a, "list_queues name state")+"; the log of RabbitMQ says more")
		return
	}
	if u.from != nil {
		e.right(u, a, "read", name)
	} else {
		e.right(u, a, "write", "") // by the default exchange
	}
	d := q.Details
	if d == nil {
		e.unknownReaders(u, q)
		return
	}
	e.transientQueue(u, name, d)
	if u.from != nil {
		e.source(u, a, q, d)
	} else {
		e.overflow(u, d)
	}
}

// unanswered notes that RabbitMQ did not tell of a queue or an exchange.
func (e *examination) unanswered(u use, setting string, err error, do string) {
	e.add(u.at(setting), Error, "broker-unreachable", err.Error(), do)
}

// end is what the file calls the setting of a use.
func end(u use) string {
	if u.from != nil {
		return "from"
	}
	return "to"
}

// source judges a queue that a route reads.
func (e *examination) source(u use, a *survey.AMQP, q *survey.Queue, d *survey.QueueDetails) {
	if d.Type == "stream" {
		e.add(u.at("queue"), Error, "amqp-stream", "the queue is a stream", "read a quorum queue that is bound to the same exchange")
		return
	}
	e.deliveries(u, a, d)
	e.consumerTimeout(u, a, d)
	e.expiry(u, a, d)
	e.deadLettering(u, d)
	e.priority(u, d)
	e.readers(u, q, d)
}

func (e *examination) transientQueue(u use, name string, d *survey.QueueDetails) {
	var is []string
	if !d.Durable {
		is = append(is, "not durable")
	}
	if d.AutoDelete {
		is = append(is, "deleted with its last consumer")
	}
	if d.Exclusive {
		is = append(is, "exclusive to the connection that declared it")
	}
	if len(is) > 0 {
		e.add(u.at("queue"), Warning, "amqp-transient", fmt.Sprintf("queue %q is %s", name, strings.Join(is, ", ")),
			"declare it anew as durable, not exclusive and not auto-delete; a quorum queue is all of that")
	}
}

func (e *examination) deadLettering(u use, d *survey.QueueDetails) {
	to, ok := text(d, "dead-letter-exchange")
	if !ok {
		return
	}
	where := fmt.Sprintf("exchange %q", to)
	if to == "" {
		where = "the default exchange"
	}
	if key, ok := text(d, "dead-letter-routing-key"); ok {
		where += fmt.Sprintf(" with routing key %q", key)
	}
	e.add(u.at("queue"), Note, "amqp-dead-lettering", "what RabbitMQ gives up goes to "+where,
		"a route with dead_letters: true reads what is there as dead letters of its own; see Your existing dead-letter queue in docs/operations.md")
}

func (e *examination) priority(u use, d *survey.QueueDetails) {
	most, ok := d.Arguments["x-max-priority"]
	if !ok || !u.ordered() {
		return
	}
	severity, do := Note, "a larger order.gap.hold parks less"
	if u.route.Order.By == config.ByArrival {
		severity, do = Warning, "read a queue without x-max-priority"
	}
	e.add(u.at("queue"), severity, "amqp-priority", fmt.Sprintf("the queue has priorities (x-max-priority %v)", most), do)
}

// readers judges who else consumes.
func (e *examination) readers(u use, q *survey.Queue, d *survey.QueueDetails) {
	if on, _ := d.Arguments["x-single-active-consumer"].(bool); on && u.ordered() {
		e.add(u.at("queue"), Note, "amqp-single-active", "the queue has x-single-active-consumer", "")
	}
	var others []string
	ours := 0
	for _, r := range d.Readers {
		if e.named(r.Tag, u.route) {
			ours++
			continue
		}
		other := fmt.Sprintf("%q", r.Tag)
		if r.Connection != "" { // it is told some seconds later
			other += " on " + r.Connection
		}
		others = append(others, other)
	}
	if ours > 0 {
		e.ourselves(u, "amqp-other-consumers", "queue", "a consumer of this route")
	}
	switch {
	case len(d.Readers) == 0:
		e.unknownReaders(u, q)
	case len(others) > 0:
		e.othersRead(u, "consumed by "+strings.Join(others, ", "))
	}
}

// unknownReaders judges consumers of which only the number is known.
func (e *examination) unknownReaders(u use, q *survey.Queue) {
	switch {
	case u.from == nil || q.Consumers == 0:
	case q.Consumers == 1 && e.storeInUse():
		e.ourselves(u, "amqp-other-consumers", "queue", "a consumer")
	default:
		e.othersRead(u, "it has "+count(q.Consumers, "consumer"))
	}
}

// shared is how bad another reader is.
func shared(u use) Severity {
	if u.ordered() {
		return Error
	}
	return Note
}

func (e *examination) othersRead(u use, found string) {
	e.add(u.at("queue"), shared(u), "amqp-other-consumers", found, "stop it, or have the route read a queue of its own that is bound to the same exchange")
}

// named reports whether a consumer or a member is called as those of the route are.
// The name of one route may begin with that of another: the longest is meant.
func (e *examination) named(name string, r *config.Route) bool {
	longest := ""
	for _, other := range e.file.Routes {
		if strings.HasPrefix(name, "bridge-"+other.Name+"-") && len(other.Name) > len(longest) {
			longest = other.Name
		}
	}
	return longest == r.Name
}

// ourselves notes a reader that is one of our own kind: this bridge, if one runs
// on the store of the file.
func (e *examination) ourselves(u use, code, setting, what string) {
	if e.storeInUse() {
		e.add(u.at(setting), Note, code, what+" is there: the bridge that runs", "")
		return
	}
	e.add(u.at(setting), shared(u), code, what+" is there, and no bridge runs on this store: it is another bridge, or one that has just ended",
		"stop the other bridge; what a bridge leaves behind that has just ended is gone within a minute")
}
