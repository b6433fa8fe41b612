package config

import "slices"

// deadLetters checks a route whose sources hold what others gave up.
func (c checker) deadLetters(r *Route) {
	taken := slices.IndexFunc(r.From, func(f From) bool { return f.DeadLetters })
	if taken < 0 {
		for _, path := range c.origins(r) {
			c.Add(path, "only what others gave up has an origin", "from: { …, dead_letters: true }")
		}
		return
	}
	for _, f := range r.From {
		if !f.DeadLetters {
			c.Add(f.Path, "the other source has dead_letters, this one has not", "a route of its own")
		}
	}
	if r.Order.By != ByNone && r.Order.By != "" {
		c.add(r, "order.by", "what others gave up has lost its place in the order", "by: none")
	}
	if c.given(r, "dead_letter.to") && r.DeadLetter.To != nil {
		c.add(r, "dead_letter.to", "every message of this route is a dead letter, in a queue or topic of its own already", "to: off")
	}
	if c.Has(r.Path+".dead_letter.stop_after") && !r.DeadLetter.StopAfter.IsZero() {
		c.Add(r.Path+".dead_letter.stop_after", "every message of this route is a dead letter", "leave it out")
	}
	if len(r.When) > 0 {
		c.Add(r.Path+".when", "a dead letter that is not taken would be gone", "leave when out, and redrive only some")
	}
	c.origin(r)
}

// origin checks where dead letters go back to.
func (c checker) origin(r *Route) {
	for _, path := range c.origins(r) {
		to, known := c.Broker(r.To.Broker)
		for _, f := range r.From {
			if from, ok := c.Broker(f.Broker); ok && known && from.Kind() != to.Kind() {
				c.Add(path, "the origin of what "+brandOf(from)+" keeps is not on "+brandOf(to), "a fixed name")
				break
			}
		}
	}
	if r.To.OriginQueue() && r.To.Declare.On {
		c.Add(r.To.Path+".declare", "declare goes with a fixed queue", "queues that messages name are not created for them")
	}
}

// origins are the settings of a route's targets that say origin.
func (c checker) origins(r *Route) (paths []string) {
	targets := []To{r.To}
	if r.DeadLetter.To != nil {
		targets = append(targets, *r.DeadLetter.To)
	}
	for _, t := range targets {
		for setting, is := range map[string]bool{"topic": t.Topic.Origin, "routing_key": t.RoutingKey.Origin, "queue": t.OriginQueue()} {
			if is {
				paths = append(paths, t.Path+"."+setting)
			}
		}
	}
	return paths
}

// brandOf is what people call the kind of a broker.
func brandOf(b Broker) string {
	if name := brand[b.Kind()]; name != "" {
		return name
	}
	return "a " + string(b.Kind()) + " broker"
}
