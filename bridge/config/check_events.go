package config

import (
	"net"
	"net/url"
	"slices"
)

// events reports an events.to that is not one place for all events, or whose
// messages have another use.
func (c checker) events(r *Route) {
	if r.Events.To == nil {
		return
	}
	to := *r.Events.To
	c.target(to)
	for setting, d := range map[string]Dynamic{"topic": to.Topic, "routing_key": to.RoutingKey} {
		if !d.IsZero() && !d.IsFixed() {
			c.Add(to.Path+"."+setting, "events have no names to take from a message", "a fixed name")
		}
	}
	if to.OriginQueue() {
		c.Add(to.Path+".queue", "events have no names to take from a message", "a fixed name")
	}
	if len(to.Key) > 0 {
		c.Add(to.Path+".key", "the record key of an event is the key of the message that it is about", "leave it out")
	}
	if to.Stamp != "" {
		c.Add(to.Path+".stamp", "events are not numbered", "")
	}
}

// mixed reports events that go where messages of the route are.
func (c checker) mixed(r *Route, i int, readers map[thing][]int) {
	const own = "a queue or topic of their own"
	if r.Events.To == nil {
		return
	}
	events, ok := c.published(*r.Events.To)
	to, _ := c.published(r.To)
	switch {
	case !ok:
	case slices.Contains(readers[events], i):
		c.add(r, "events.to", "the route's events go to what it reads, so they never end", own)
	case events == to:
		c.add(r, "events.to", "the route's events go where its messages go", own)
	}
}

// reply reports replies that could not be sent.
func (c checker) reply(r *Route) {
	if !r.DeadLetter.Reply || len(r.From) == 0 {
		return
	}
	const setting = "dead_letter.reply"
	for _, f := range r.From[1:] {
		if f.Broker != r.From[0].Broker {
			c.add(r, setting, "the sources are on several brokers, and the store does not know to which one a reply goes", "a route for each broker")
			return
		}
	}
	if b, _ := c.Broker(r.From[0].Broker); b.Client == ClientWatermill {
		c.add(r, setting, "the stock client publishes to a queue with a fixed name only", "client: bridge")
	}
}

// webhooks reports what others could read on its way.
func (c checker) webhooks(r *Route) {
	for _, w := range []*Webhook{r.Alarms.Webhook, r.Owner.Webhook} {
		if w == nil || w.Bearer.IsZero() {
			continue
		}
		u, err := url.Parse(w.URL.Reveal())
		if err == nil && u.Scheme == "http" && !isLoopback(net.JoinHostPort(u.Hostname(), "0")) {
			c.Add(w.Path+".bearer", "without TLS others could read it on its way", "https://")
		}
	}
}
