package config

import (
	"fmt"
	"slices"
	"strings"
)

// thing identifies a queue or topic of a broker. Brokers that are reached in the
// same way are the same. It may hold a secret and is never shown.
type thing struct{ broker, name string }

func (c checker) thing(broker, name string) (thing, bool) {
	b, ok := c.Broker(broker)
	if !ok || name == "" {
		return thing{}, false
	}
	id := "memory " + b.Name
	switch {
	case b.AMQP != nil:
		id = "amqp " + b.AMQP.URL.Reveal()
	case b.Kafka != nil:
		id = "kafka " + strings.Join(slices.Sorted(slices.Values(b.Kafka.Brokers)), ",")
	}
	return thing{id, name}, true
}

// published is the thing that a target is, if it is the same for every message.
// What an exchange leads to is not in the file.
func (c checker) published(t To) (thing, bool) {
	if t.OriginQueue() {
		return thing{}, false
	}
	return c.thing(t.Broker, t.Queue+t.Topic.Fixed)
}

// destinations are the things that a route publishes to, as far as the file
// tells: with `topic: source`, the topics that it reads.
func (c checker) destinations(r Route) (all []thing) {
	if to, ok := c.published(r.To); ok {
		return []thing{to}
	}
	for _, f := range r.From {
		if to, ok := c.thing(r.To.Broker, f.Topic); ok && r.To.Topic.Source {
			all = append(all, to)
		}
	}
	return all
}

// sources reports two readers that would take each other's messages, so that
// each sees gaps.
func (c checker) sources() {
	type reader struct {
		thing
		group string
	}
	type place struct{ route, path string }
	seen := map[reader]place{}
	groups := groups{}
	for _, r := range c.File.Routes {
		for _, f := range r.From {
			t, ok := c.thing(f.Broker, f.Name())
			if !ok {
				continue
			}
			first, double := seen[reader{t, f.Group}]
			switch {
			case !double:
				seen[reader{t, f.Group}] = place{r.Path, f.Path}
				groups.enter(c, r, f)
			case first.route == r.Path:
				c.Add(f.Path, "the same source is in this list twice", "")
			default:
				line, _ := c.Places().Find(first.path).Pos()
				c.sharedSource(f, line)
			}
		}
	}
}

// groups are the first sources of the Kafka groups of a file, by broker and
// group.
type groups map[thing]struct{ route, path string }

// enter reports a group that another route is in: whenever one of them starts or
// stops, the other would stand still.
func (g groups) enter(c checker, r Route, f From) {
	group, ok := c.thing(f.Broker, f.Group)
	if !ok {
		return
	}
	first, double := g[group]
	switch {
	case !double:
		g[group] = struct{ route, path string }{r.Path, f.Path}
	case first.route != r.Path:
		line, _ := c.Places().Find(first.path).Pos()
		c.Add(f.Path+".group", fmt.Sprintf("the route on line %d is in this group, so each would stop while the other starts", line), "a group per route")
	}
}

func (c checker) sharedSource(f From, line int) {
	setting := "queue"
	if f.Topic != "" {
		setting = "topic"
	}
	switch b, _ := c.Broker(f.Broker); b.Kind() {
	case KindKafka:
		c.Add(f.Path+".group", fmt.Sprintf("the route on line %d reads this topic in the same group, so each would get a part", line), "a group per route")
	default:
		c.Add(f.Path+"."+setting, fmt.Sprintf("the route on line %d reads this queue too, so each would get a part", line), "use a queue per route on one exchange")
	}
}

// loops reports routes that publish to what leads back to them. Each loop is
// reported once, at the route that closes it.
func (c checker) loops() {
	readers := map[thing][]int{}
	for i, r := range c.File.Routes {
		for _, f := range r.From {
			if t, ok := c.thing(f.Broker, f.Name()); ok {
				readers[t] = append(readers[t], i)
			}
		}
	}
	w := walk{checker: c, readers: readers, state: make([]int, len(c.File.Routes))}
	for i, r := range c.File.Routes {
		w.visit(i)
		c.mixed(&r, i, readers)
		if r.DeadLetter.To == nil {
			continue
		}
		mirror, ok := c.published(*r.DeadLetter.To)
		to, _ := c.published(r.To)
		switch {
		case !ok:
		case slices.Contains(readers[mirror], i):
			c.add(&r, "dead_letter.to", "the route's dead letters go to what it reads, so they never end", "a queue or topic of their own")
		case mirror == to:
			c.add(&r, "dead_letter.to", "the route's dead letters go where its messages go, out of order", "a queue or topic of their own")
		}
	}
}

type walk struct {
	checker
	readers map[thing][]int
	state   []int // by route: 0 new, 1 on the way here, 2 done
	way     []int
}

func (w *walk) visit(i int) {
	if w.state[i] != 0 {
		return
	}
	w.state[i] = 1
	w.way = append(w.way, i)
	for _, to := range w.destinations(w.File.Routes[i]) {
		for _, next := range w.readers[to] {
			if w.state[next] == 1 {
				w.report(i, next)
			}
			w.visit(next)
		}
	}
	w.way = w.way[:len(w.way)-1]
	w.state[i] = 2
}

func (w *walk) report(from, back int) {
	path := w.File.Routes[from].Path + ".to"
	if from == back {
		w.Add(path, "the route publishes to what it reads, so its messages never end", "")
		return
	}
	var names []string
	for _, i := range w.way[slices.Index(w.way, back):] {
		names = append(names, w.Source(w.File.Routes[i].Path+".name"))
	}
	names = append(names, names[0])
	w.Add(path, "routes in a loop, so messages never end: "+strings.Join(clipList(names), " → "), "")
}

// clipList keeps the message of a long loop short.
func clipList(names []string) []string {
	const most = 8
	if len(names) <= most {
		return names
	}
	return append(append(names[:most-2:most-2], "…"), names[len(names)-1])
}
