package doctor

import (
	"fmt"
	"math"
	"time"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

// effective is a number that an argument of the queue or a policy sets: the lower
// one, as RabbitMQ has it for limits.
func effective(d *survey.QueueDetails, name string) (n int64, from string, ok bool) {
	n = math.MaxInt64
	if v, is := d.Arguments["x-"+name].(int64); is {
		n, from, ok = v, "argument x-"+name, true
	}
	if v, is := d.Policy[name].(int64); is && v < n {
		n, from, ok = v, "policy "+name, true
	}
	return n, from, ok
}

// text is a setting of the queue: an argument, else a policy.
func text(d *survey.QueueDetails, name string) (string, bool) {
	if v, ok := d.Arguments["x-"+name].(string); ok {
		return v, true
	}
	v, ok := d.Policy[name].(string)
	return v, ok
}

// RabbitMQ gives quorum queues this limit from 4.0 on, where none is set.
const defaultDeliveryLimit = 20

// manyDeliveries are more than crashes and lost connections cause while a message
// is in hand.
const manyDeliveries = 1000

// deliveryLimit is how often RabbitMQ takes a message back: of an argument and a
// policy the lower one, but the higher one where either is negative.
func deliveryLimit(a *survey.AMQP, d *survey.QueueDetails) (limit int64, from string, ok bool) {
	argument, fixed := d.Arguments["x-delivery-limit"].(int64)
	policy, ruled := d.Policy["delivery-limit"].(int64)
	switch {
	case fixed && ruled && min(argument, policy) < 0 && argument > policy:
		return argument, "argument x-delivery-limit", true
	case fixed && ruled && min(argument, policy) < 0:
		return policy, "policy delivery-limit", true
	case !fixed && !ruled && since(a.Version, 4, 0):
		return defaultDeliveryLimit, "the default of RabbitMQ 4", true
	}
	return effective(d, "delivery-limit")
}

// few reports whether a delivery limit may be reached.
func few(limit int64) bool { return limit >= 0 && limit < manyDeliveries }

func (e *examination) deliveries(u use, a *survey.AMQP, d *survey.QueueDetails) {
	limit, from, ok := deliveryLimit(a, d)
	if d.Type != "quorum" || !ok || !few(limit) {
		return
	}
	found := fmt.Sprintf("RabbitMQ gives a message up after %d returned deliveries (%s)", limit, from)
	if since(a.Version, 4, 3) {
		found += "; since 4.3 a nack does not count, a lost channel does"
	}
	severity := Warning
	if _, kept := text(d, "dead-letter-exchange"); kept {
		severity = Note
		found += "; it goes to the dead-letter exchange"
	} else {
		found += ", and drops it: there is no dead-letter exchange"
	}
	e.add(u.at("queue"), severity, "amqp-delivery-limit", found, lifted(u, a, d))
}

// lifted is what lifts the delivery limit: a policy, once no argument is in its way.
func lifted(u use, a *survey.AMQP, d *survey.QueueDetails) string {
	do := policy(a, u.queue(), d, "delivery-limit")
	if n, is := d.Arguments["x-delivery-limit"].(int64); !is || !few(n) {
		return do
	}
	anew := "declare the queue anew without x-delivery-limit, because a policy only lowers it"
	if n, is := d.Policy["delivery-limit"].(int64); is && !few(n) {
		return anew
	}
	return anew + "; then: " + do
}

// RabbitMQ's consumer_timeout where nobody has set it, and how long the bridge
// keeps what it may not park: an outage of the target, before it parks.
const (
	defaultConsumerTimeout = 30 * time.Minute
	beforeParking          = time.Minute
)

// consumerTimeout compares for how long RabbitMQ waits with for how long the
// bridge may hold a message unacknowledged.
func (e *examination) consumerTimeout(u use, a *survey.AMQP, d *survey.QueueDetails) {
	if d.Type == "classic" && since(a.Version, 4, 3) {
		return // only quorum queues have it then
	}
	held := max(u.route.Order.Gap.Hold, beforeParking) + u.route.Retry.Timeout
	ms, from, ok := effective(d, "consumer-timeout")
	timeout := time.Duration(ms) * time.Millisecond
	if !ok {
		timeout, from = defaultConsumerTimeout, "the default; what rabbitmq.conf says is not told"
	}
	if timeout <= 0 || timeout > held {
		return
	}
	e.add(u.at("queue"), Warning, "amqp-consumer-timeout",
		fmt.Sprintf("RabbitMQ waits %v for an acknowledgement (%s), the bridge may hold a message for %v", timeout, from, held),
		fmt.Sprintf("consumer_timeout = %d in rabbitmq.conf, or a shorter order.gap.hold", max(2*held, defaultConsumerTimeout).Milliseconds()))
}

// expiry judges what removes messages from a source by itself.
func (e *examination) expiry(u use, a *survey.AMQP, d *survey.QueueDetails) {
	add := func(found, do string) { e.add(u.at("queue"), Warning, "amqp-expiry", found, do) }
	if ms, from, ok := effective(d, "message-ttl"); ok {
		add(fmt.Sprintf("a message is removed after %v (%s)", time.Duration(ms)*time.Millisecond, from), "take the time to live off the queue or its policy")
	}
	if ms, from, ok := effective(d, "expires"); ok {
		add(fmt.Sprintf("the queue is deleted when nobody has used it for %v (%s)", time.Duration(ms)*time.Millisecond, from), "take the expiry off the queue or its policy")
	}
	if what, ok := drops(d); ok {
		add("the oldest messages are removed beyond "+what, policy(a, u.queue(), d, "overflow"))
	}
}

// overflow judges what removes or refuses messages in a queue that is written to.
func (e *examination) overflow(u use, d *survey.QueueDetails) {
	if ms, from, ok := effective(d, "message-ttl"); ok {
		e.add(u.at("queue"), Warning, "amqp-overflow", fmt.Sprintf("a message that nobody reads is removed after %v (%s)", time.Duration(ms)*time.Millisecond, from),
			"take the time to live off the queue or its policy")
	}
	if what, ok := drops(d); ok {
		e.add(u.at("queue"), Warning, "amqp-overflow", "the oldest messages are removed beyond "+what, `set "overflow" to "reject-publish", in the queue's arguments or its policy`)
		return
	}
	if what := length(d); what != "" {
		e.add(u.at("queue"), Note, "amqp-overflow", "RabbitMQ refuses what comes beyond "+what+"; the route waits meanwhile", "")
	}
}

// drops says beyond what the oldest messages are dropped.
func drops(d *survey.QueueDetails) (what string, ok bool) {
	how, _ := text(d, "overflow")
	what = length(d)
	return what, what != "" && (how == "" || how == "drop-head")
}

func length(d *survey.QueueDetails) string {
	if n, from, ok := effective(d, "max-length"); ok {
		return fmt.Sprintf("%s (%s)", count(int(n), "message"), from)
	}
	if n, from, ok := effective(d, "max-length-bytes"); ok {
		return fmt.Sprintf("%s (%s)", size(n), from)
	}
	return ""
}

// since reports whether a version is that one or a later one.
func since(version string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(version, "%d.%d", &a, &b); n < 2 {
		return false
	}
	return a > major || a == major && b >= minor
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}
