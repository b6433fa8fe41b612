package config

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

// checker finds what no single setting shows. It is silent about what rests on a
// setting that has a fault already.
type checker struct {
	*strict.Decoder
	*File
}

func check(d *strict.Decoder, f *File) {
	c := checker{d, f}
	c.brokers()
	if f.Store.Pebble != nil && f.Store.Memory != nil && c.Has("store.pebble") {
		c.Add("store", "want only one of pebble and memory", "")
	}
	c.admin()
	for i := range f.Routes {
		r := &f.Routes[i]
		c.order(r)
		c.policies(r)
		c.stockRoute(r)
		for _, from := range r.From {
			c.source(from)
		}
		c.target(r.To)
		c.stamp(r)
		c.deadLetters(r)
		if r.DeadLetter.To != nil {
			c.target(*r.DeadLetter.To)
		}
		c.events(r)
		c.reply(r)
		c.webhooks(r)
	}
	c.names()
	c.sources()
	c.loops()
}

// add reports a fault of a route where the setting stands: in the route, or in
// the defaults it comes from.
func (c checker) add(r *Route, setting, msg, hint string) {
	path := r.Path + "." + setting
	if shared := "defaults." + setting; !c.Has(path) && c.Has(shared) {
		path = shared
	}
	c.Add(path, msg, hint)
}

// given reports whether a route has a setting, of its own or by the defaults.
func (c checker) given(r *Route, setting string) bool {
	return c.Has(r.Path+"."+setting) || c.Has("defaults."+setting)
}

func (c checker) brokers() {
	for _, b := range c.File.Brokers {
		c.stockBroker(b)
		c.login(b)
		if b.AMQP != nil && b.AMQP.TLS != nil && !encrypted(b.AMQP.URL) {
			c.Add(b.Path+".amqp.tls", "tls needs a URL with amqps://", "")
		}
		for kind, tls := range map[string]*TLS{".amqp.tls": amqpTLS(b), ".kafka.tls": kafkaTLS(b)} {
			if tls != nil && (tls.Cert == "") != (tls.Key == "") {
				c.Add(b.Path+kind, "want both cert and key, or neither", "")
			}
		}
	}
}

// encrypted reports whether a URL is amqps://, or has a fault of its own.
func encrypted(s Secret) bool {
	u, err := url.Parse(s.Reveal())
	return err != nil || u.Scheme != "amqp"
}

func amqpTLS(b Broker) *TLS {
	if b.AMQP == nil {
		return nil
	}
	return b.AMQP.TLS
}

func kafkaTLS(b Broker) *TLS {
	if b.Kafka == nil {
		return nil
	}
	return b.Kafka.TLS
}

// idle lists the settings of an order that mean nothing to each By.
var idle = map[By][]string{
	ByNone:     {"key", "revision", "first", "adopt_after", "gap", "epoch", "max_jump", "max_ahead", "forget_after"},
	ByArrival:  {"revision", "first", "adopt_after", "gap", "epoch", "max_jump"},
	ByRevision: {"duplicates"},
}

func (c checker) order(r *Route) {
	if r.Order.By == "" {
		c.missingOrder(r)
		return
	}
	for _, s := range idle[r.Order.By] {
		if path := r.Path + ".order." + s; c.Has(path) {
			c.Add(path, "means nothing with by: "+string(r.Order.By), idleHint(r.Order.By, s))
		}
	}
	if r.Order.By == ByRevision {
		for _, s := range []string{"key", "revision", "first"} {
			if !c.given(r, "order."+s) {
				c.Add(r.Path+".order."+s, s+" is required with by: revision", requiredHint[s])
			}
		}
	}
	if r.Order.Gap.Hold > r.Order.Gap.Timeout {
		c.add(r, "order.gap.hold", "hold is longer than timeout", "")
	}
}

func (c checker) stamp(r *Route) {
	if r.To.Stamp == StampRevision && r.Order.By == ByNone {
		c.Add(r.To.Path+".stamp", "there is nothing to number without an order", "by: arrival, or no stamp")
	}
	if dead := r.DeadLetter.To; dead != nil && dead.Stamp != "" {
		c.Add(dead.Path+".stamp", "dead letters are not numbered", "")
	}
}

func (c checker) missingOrder(r *Route) {
	if c.given(r, "order") {
		c.add(r, "order.by", "by is required", "by: revision, by: arrival or by: none")
		return
	}
	c.Add(r.Path, "order is required", "a route without an order says so: order: { by: none }")
}

var requiredHint = map[string]string{
	"key":      "such as key: header.key",
	"revision": "such as revision: header.revision",
	"first":    "first: 1, or first: adopt when keys are mid-stream already",
}

func idleHint(by By, setting string) string {
	switch {
	case by == ByNone && setting == "key":
		return "to.key sets the record key"
	case setting == "duplicates":
		return "a revision says whether a message came before"
	}
	return ""
}

func (c checker) policies(r *Route) {
	if !r.Retry.Off && r.Retry.Initial > r.Retry.Max {
		c.add(r, "retry.initial", "initial is longer than max", "")
	}
	for i, rule := range r.Retry.Rules {
		if first, longest := cmp.Or(rule.Initial, r.Retry.Initial), cmp.Or(rule.Max, r.Retry.Max); first > longest {
			c.add(r, fmt.Sprintf("retry.rules[%d]", i), fmt.Sprintf("initial (%s) is longer than max (%s)", first, longest),
				"what a rule leaves out is as in retry")
		}
	}
	if r.Order.By != ByNone || r.DeadLetter.Then != Quarantine {
		return
	}
	if path := r.Path + ".dead_letter.then"; c.Has(path) {
		c.Add(path, "quarantine needs an order to hold back for", "continue or stop")
	}
}

func (c checker) names() {
	seen := map[string]string{}
	for _, r := range c.File.Routes {
		path := r.Path + ".name"
		first, double := seen[r.Name]
		switch {
		case r.Name == "":
		case double:
			line, _ := c.Places().Find(first).Pos()
			c.Add(path, fmt.Sprintf("a route of this name is on line %d already", line), "")
		default:
			seen[r.Name] = path
		}
	}
}

// broker resolves a reference, or reports that there is no such broker.
func (c checker) broker(path, name string) (Broker, bool) {
	b, ok := c.Broker(name)
	if !ok && name != "" && !c.Faulty("brokers") && !c.Faulty("brokers."+name) {
		names := make([]string, len(c.File.Brokers))
		for i, b := range c.File.Brokers {
			names[i] = b.Name
		}
		hint := strict.DidYouMean(name, names)
		// A hint about a value from outside would tell what the value is.
		if src := c.Source(path + ".broker"); strings.Contains(src, "${") {
			hint = ""
		}
		if hint == "" && len(names) > 0 && len(names) <= 6 {
			hint = "the file has " + strings.Join(slices.Sorted(slices.Values(names)), ", ")
		}
		c.Add(path+".broker", fmt.Sprintf("no broker is called %q", c.Source(path+".broker")), hint)
	}
	return b, ok && (b.AMQP != nil || b.Kafka != nil || b.Memory != nil)
}
