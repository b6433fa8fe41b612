package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

// exchange judges an exchange that is written to.
func (e *examination) exchange(u use, a *survey.AMQP, x *survey.Exchange) {
	name := u.to.Exchange
	switch {
	case x == nil:
		return
	case x.Missing:
		e.missing(u, "exchange", "amqp-exchange-missing", fmt.Sprintf("exchange %q", name),
			`add declare: true to the route's "to", or create it as its owner wants it`)
		e.rightToDeclare(u, a, name)
		return
	case x.Denied:
		e.add(u.at("exchange"), Error, "amqp-permission", x.Err.Error(), managed(a, "list_permissions"))
		return
	case x.Err != nil:
		e.unanswered(u, "exchange", x.Err, managed(a, "list_exchanges name type")+"; the log of RabbitMQ says more")
		return
	}
	e.right(u, a, "write", name)
	d := x.Details
	if d == nil {
		return
	}
	var is []string
	if !d.Durable {
		is = append(is, "not durable")
	}
	if d.AutoDelete {
		is = append(is, "deleted with its last binding")
	}
	if len(is) > 0 {
		e.add(u.at("exchange"), Warning, "amqp-transient", fmt.Sprintf("exchange %q is %s", name, strings.Join(is, ", ")), "declare it anew as durable and not auto-delete")
	}
	if d.Internal {
		e.add(u.at("exchange"), Error, "amqp-permission", fmt.Sprintf("exchange %q is internal: clients may not publish to it", name), "publish to an exchange that is bound to it")
		return
	}
	e.routable(u, a, d)
}

// routable looks for a binding that the routing key of the target follows.
func (e *examination) routable(u use, a *survey.AMQP, d *survey.ExchangeDetails) {
	key, name := u.to.RoutingKey, u.to.Exchange
	if d.Alternate != "" {
		e.add(u.at("routing_key"), Note, "amqp-unroutable", fmt.Sprintf("what exchange %q does not route goes to its alternate exchange %q, and counts as delivered", name, d.Alternate), "")
		return
	}
	bind := binding(a, name, "KEY")
	if key.IsFixed() {
		bind = binding(a, name, quoted(key.Fixed))
	}
	switch {
	case len(d.Bindings) == 0:
		e.add(u.at("routing_key"), Error, "amqp-unroutable", fmt.Sprintf("exchange %q has no bindings", name), bind)
	case !key.IsFixed():
		e.add(u.at("routing_key"), Note, "amqp-unroutable", fmt.Sprintf("each message names its routing key (%s); exchange %q routes %s", key, name, keys(d)), "")
	case d.Type == "headers" || !slices.Contains([]string{"direct", "topic", "fanout"}, d.Type):
		e.add(u.at("routing_key"), Note, "amqp-unroutable", fmt.Sprintf("what an exchange of type %q routes cannot be told beforehand", d.Type), "")
	case !slices.ContainsFunc(d.Bindings, func(b survey.Binding) bool { return follows(d.Type, b.Key, key.Fixed) }):
		e.add(u.at("routing_key"), Error, "amqp-unroutable", fmt.Sprintf("exchange %q (%s) has no binding for %q; it routes %s", name, d.Type, key.Fixed, keys(d)), bind)
	}
}

// binding is the command that binds a queue to an exchange.
func binding(a *survey.AMQP, exchange, key string) string {
	where := ""
	if a.VHost != "/" {
		where = "-V " + quoted(a.VHost) + " "
	}
	return fmt.Sprintf("rabbitmqadmin %sdeclare binding source=%s destination=QUEUE routing_key=%s", where, quoted(exchange), key)
}

// keys lists the binding keys, some of them.
func keys(d *survey.ExchangeDetails) string {
	const most = 5
	var all []string
	for _, b := range d.Bindings {
		if k := fmt.Sprintf("%q", b.Key); !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d others", len(all)-most)
	}
	return strings.Join(all, ", ")
}

// follows reports whether a binding of an exchange takes a routing key.
func follows(kind, binding, key string) bool {
	switch kind {
	case "fanout":
		return true
	case "topic":
		return topicMatch(strings.Split(binding, "."), strings.Split(key, "."))
	default:
		return binding == key
	}
}

// topicMatch matches words: * is one of them, # is any number.
func topicMatch(pattern, words []string) bool {
	switch {
	case len(pattern) == 0:
		return len(words) == 0
	case pattern[0] == "#":
		return topicMatch(pattern[1:], words) || len(words) > 0 && topicMatch(pattern, words[1:])
	case len(words) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == words[0]) && topicMatch(pattern[1:], words[1:])
}

// right judges a right of the user, if that was told. The default exchange is
// called amq.default where rights are given.
func (e *examination) right(u use, a *survey.AMQP, verb, name string) {
	if a.Rights == nil {
		return
	}
	setting := "queue"
	if u.to != nil && u.to.Exchange != "" {
		setting = "exchange"
	}
	if name == "" {
		name = "amq.default"
	}
	pattern := map[string]string{"read": a.Rights.Read, "write": a.Rights.Write, "configure": a.Rights.Configure}[verb]
	if allows(pattern, name) {
		return
	}
	e.add(u.at(setting), Error, "amqp-permission",
		fmt.Sprintf("user %q may not %s %q in virtual host %q (its pattern is %q)", a.User, verb, name, a.VHost, pattern),
		managed(a, "set_permissions "+quoted(a.User)+" "+extended(a.Rights, verb, name)))
}

// rightToDeclare judges the rights that declaring takes.
func (e *examination) rightToDeclare(u use, a *survey.AMQP, name string) {
	if u.declare().On {
		e.right(u, a, "configure", name)
	}
}

// allows is RabbitMQ's rule: the pattern is looked for in the name, and an empty
// one allows nothing.
func allows(pattern, name string) bool {
	if pattern == "" {
		return false
	}
	re, err := regexp.Compile(pattern)
	return err != nil || re.MatchString(name) // one that Go does not read is not judged
}

// extended are the three patterns of set_permissions with a name added to one.
func extended(r *survey.Permissions, verb, name string) string {
	with := func(pattern, of string) string {
		if of != verb {
			return quoted(pattern)
		}
		exact := "^" + regexp.QuoteMeta(name) + "$"
		if pattern == "" || pattern == "^$" {
			return quoted(exact)
		}
		return quoted(pattern + "|" + exact)
	}
	return with(r.Configure, "configure") + " " + with(r.Write, "write") + " " + with(r.Read, "read")
}
