// Package words says in short plain sentences what a route was told to do, for
// people who do not have its topology file at hand. No sentence holds a secret.
package words

import (
	"fmt"
	"strings"

	"github.com/brokerbridge/bridge/bridge/config"
)

// Policy is one thing that a route was told to do. Name is the setting as the file
// calls it, or nearly so.
type Policy struct{ Name, Says string }

// Of are the policies of a route: what it takes, its order, what it does about
// failures, and who is told. What is off is said to be where that is a surprise.
func Of(r config.Route) []Policy {
	l := &list{}
	l.intake(r)
	l.order(r.Order)
	l.retry(r.Retry)
	l.breaker(r.Breaker)
	l.deadLetter(r)
	l.park(r.Park)
	l.delivery(r.To)
	l.told(r)
	return l.all
}

// list gathers policies.
type list struct{ all []Policy }

func (l *list) add(name, format string, args ...any) {
	l.all = append(l.all, Policy{name, fmt.Sprintf(format, args...)})
}

// addIf adds a policy where a condition holds.
func (l *list) addIf(so bool, name, format string, args ...any) {
	if so {
		l.add(name, format, args...)
	}
}

func (l *list) intake(r config.Route) {
	for _, m := range r.When {
		l.add("filter", "only messages whose %s is %s; others settle their revision without being delivered", m.Field, either(m.Values))
	}
	for _, f := range r.From {
		from := f.Name()
		l.add("window", "up to %s taken from %s and not acknowledged, and %s of them", counted(int64(f.Window), "message", "messages"), from, size(f.WindowBytes))
		l.addIf(f.DeadLetters, "dead_letters", "each message of %s is a dead letter at once, delivered only if an operator redrives it", from)
		l.addIf(f.Trust == config.TrustNone, "trust", "no bridge-* header of %s is believed", from)
		l.addIf(f.Group != "", "group", "%s is read as group %s, %s", from, f.Group, start(f.Start))
		l.addIf(f.Protocol == config.ProtocolConsumer, "protocol", "the brokers assign the partitions of %s", from)
		l.addIf(f.Declare.On, "declare", "%s is created if it is missing%s", from, made(f.Declare))
	}
}

func start(s config.Start) string {
	switch {
	case s.Latest:
		return "from what arrives after its first start"
	case s.Time.IsZero():
		return "from its beginning"
	}
	return "from " + s.Time.UTC().Format("2006-01-02 15:04:05 UTC")
}

// made is how something missing is created.
func made(d config.Declare) string {
	var parts []string
	if d.Type != "" {
		parts = append(parts, d.Type)
	}
	if d.Partitions > 0 {
		parts = append(parts, counted(int64(d.Partitions), "partition", "partitions"))
	}
	if d.Replication > 0 {
		parts = append(parts, counted(int64(d.Replication), "replica", "replicas"))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", with " + strings.Join(parts, ", ")
}

func (l *list) retry(r config.Retry) {
	if r.Off {
		l.add("retry", "no: one try")
	} else {
		l.add("retry", "%s; each pause is %s times the one before, and %s of it is left to chance",
			tries(r.Attempts, span(r.Initial), span(r.Max)), number(r.Multiplier), percent(r.Jitter))
	}
	for _, rule := range r.Rules {
		of := rule.Class + " failures"
		if rule.Reason != "" {
			of = "what fails as " + rule.Reason
		}
		l.add("retry", "%s: %s", of, tries(rule.Attempts, span(rule.Initial), span(rule.Max)))
	}
	l.add("timeout", "a try that takes more than %s counts as a target that is away; it spends no try", span(r.Timeout))
}

func tries(n int, from, to string) string {
	switch {
	case n == 1:
		return "one try"
	case from == to:
		return fmt.Sprintf("up to %d tries, %s apart", n, from)
	}
	return fmt.Sprintf("up to %d tries, %s to %s apart", n, from, to)
}

func (l *list) breaker(b config.Breaker) {
	if b.Off {
		l.add("breaker", "off: every message finds out anew that the target is away")
		return
	}
	l.add("breaker", "opens when %s of at least %d tries within %s find the target away; after %s one message looks whether it is back",
		percent(b.Ratio), b.Min, span(b.Window), span(b.OpenFor))
}

func (l *list) deadLetter(r config.Route) {
	d := r.DeadLetter
	l.add("dead_letter", "%s", map[config.Then]string{
		config.Quarantine: "a key waits behind its dead letter until an operator decides",
		config.Continue:   "a key goes on behind its dead letter",
		config.Stop:       "the whole route pauses at a dead letter",
	}[d.Then])
	l.addIf(d.To != nil, "mirror", "a copy of every dead letter goes to %s", place(d.To))
	l.addIf(!d.StopAfter.IsZero(), "stop_after", "the route pauses when %s messages that ended last became dead letters", d.StopAfter)
	l.addIf(d.Edit, "edit", "operators may give dead letters other content")
	l.addIf(d.Reply, "reply", "senders that ask for it are told when their message becomes a dead letter")
}

// place names where something goes.
func place(to *config.To) string {
	if to == nil {
		return ""
	}
	text := to.Name()
	if !to.RoutingKey.IsZero() {
		text += " with the routing key " + to.RoutingKey.String()
	}
	return text + " on " + to.Broker
}

func (l *list) park(p config.Park) {
	if p.MaxBytes == 0 {
		l.add("park", "no limit but the room on the store's disk")
		return
	}
	l.add("park", "the route takes nothing more while %s are parked", size(p.MaxBytes))
}

func (l *list) delivery(to config.To) {
	l.addIf(len(to.Key) > 0 && !to.Topic.IsZero(), "record_key", "the record key is %s", fields(to.Key))
	l.addIf(to.Headers == config.HeadersText, "headers", "header values are written as text")
	l.addIf(to.Stamp == config.StampRevision, "stamp", "what is delivered is numbered anew, per key from 1 and without a gap")
	l.addIf(to.Declare.On, "declare", "%s is created if it is missing%s", to.Name(), made(to.Declare))
}

func (l *list) told(r config.Route) {
	l.addIf(r.Events.To != nil, "events", "what happens to messages that are not simply delivered is told to %s", place(r.Events.To))
	if r.Alarms.Off {
		l.add("alarms", "off")
	} else if limits := limits(r.Alarms); limits != "" {
		l.add("alarms", "at %s", limits)
	}
	l.addIf(!r.Alarms.Off && r.Alarms.Webhook != nil, "alarms", "a webhook is told of them, %s", pace(r.Alarms.Webhook))
	l.addIf(r.Owner.Name != "", "owner", "%s", r.Owner.Name)
	l.addIf(r.Owner.Webhook != nil, "owner", "a webhook of the owner is told of alarms, %s", pace(r.Owner.Webhook))
}

func pace(w *config.Webhook) string {
	if w == nil {
		return ""
	}
	return fmt.Sprintf("at most %d times a minute", w.PerMinute)
}

// limits are those at which a person is told.
func limits(a config.Alarms) string {
	var all []string
	add := func(set bool, text string) {
		if set {
			all = append(all, text)
		}
	}
	add(a.DeadLetters > 0, counted(a.DeadLetters, "dead letter", "dead letters"))
	add(a.DeadLetterAge > 0, "a dead letter older than "+span(a.DeadLetterAge))
	add(a.Parked > 0, counted(a.Parked, "parked message", "parked messages"))
	add(a.ParkedAge > 0, "a key that waits for longer than "+span(a.ParkedAge))
	add(a.OpenSkips > 0, counted(a.OpenSkips, "skip that nobody has seen to", "skips that nobody has seen to"))
	add(a.QuarantinedKeys > 0, counted(a.QuarantinedKeys, "quarantined key", "quarantined keys"))
	add(a.UnsentEvents > 0, counted(a.UnsentEvents, "unsent event", "unsent events"))
	return strings.Join(all, ", ")
}
