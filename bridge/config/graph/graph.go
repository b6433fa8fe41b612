// Package graph draws the routes of a topology file: for Mermaid, for Graphviz
// and for a terminal. Nothing is connected to, and no secret is in it.
package graph

import (
	"fmt"
	"strings"

	"github.com/brokerbridge/bridge/bridge/config"
)

// Graph is a topology as it is drawn. Everything is in the order of the file.
type Graph struct {
	Brokers []Broker
	Routes  []Route
}

// Broker is a group of places.
type Broker struct {
	Name   string
	Kind   config.Kind
	Places []Place // none: no route uses it
}

// String is the title of the group.
func (b Broker) String() string { return fmt.Sprintf("%s (%s)", b.Name, b.Kind) }

// Place is what routes read and publish to, once per broker, however many
// routes share it. Brokers of two names are two, even at one address.
type Place struct {
	Kind string // queue, topic, exchange, or "topic from", when messages name it
	Name string
}

// String is the place as it is drawn.
func (p Place) String() string { return p.Kind + " " + p.Name }

// Route leads from places to a place.
type Route struct {
	Name   string
	Order  string // such as "by revision, when header.type"
	From   []Spot
	To     Link
	Mirror *Link // what gets a copy of the dead letters; nil: nothing does
}

// String is the title of the route.
func (r Route) String() string { return r.Name + ": " + r.Order }

// Spot says which place: an index into Brokers, and one into its Places.
type Spot struct{ Broker, Place int }

// Link is a way to a place. Note is the routing key to an exchange, else empty.
type Link struct {
	At   Spot
	Note string
}

// Of draws a file that was loaded.
func Of(f *config.File) Graph {
	b := builder{brokers: map[string]int{}, spots: map[placeKey]Spot{}}
	for i, one := range f.Brokers {
		b.brokers[one.Name] = i
		b.Brokers = append(b.Brokers, Broker{Name: one.Name, Kind: one.Kind()})
	}
	for _, r := range f.Routes {
		b.Routes = append(b.Routes, b.route(r))
	}
	return b.Graph
}

type builder struct {
	Graph
	brokers map[string]int
	spots   map[placeKey]Spot
}

// placeKey tells places apart. Queues and topics share their names: only the memory
// broker has both, and there they are the same.
type placeKey struct {
	broker     int
	kind, name string
}

func (b *builder) route(r config.Route) Route {
	out := Route{Name: r.Name, Order: order(r)}
	for _, f := range r.From {
		out.From = append(out.From, b.source(f))
	}
	out.To = b.target(r.To)
	if r.DeadLetter.To != nil {
		mirror := b.target(*r.DeadLetter.To)
		out.Mirror = &mirror
	}
	return out
}

// order also says by which fields the route chooses its messages.
func order(r config.Route) string {
	text := "by " + string(r.Order.By)
	var fields []string
	for _, m := range r.When {
		fields = append(fields, m.Field.String())
	}
	if len(fields) > 0 {
		text += ", when " + strings.Join(fields, ", ")
	}
	return text
}

func (b *builder) source(f config.From) Spot {
	if f.Topic != "" {
		return b.place(f.Broker, "topic", f.Topic)
	}
	return b.place(f.Broker, "queue", f.Queue)
}

func (b *builder) target(t config.To) Link {
	switch {
	case t.Queue != "":
		return Link{At: b.place(t.Broker, "queue", t.Queue)}
	case t.Exchange != "":
		return Link{b.place(t.Broker, "exchange", t.Exchange), named("routing key", t.RoutingKey) + " " + t.RoutingKey.String()}
	default:
		return Link{At: b.place(t.Broker, named("topic", t.Topic), t.Topic.String())}
	}
}

// named says of a name that it is taken from each message.
func named(what string, d config.Dynamic) string {
	if d.IsFixed() {
		return what
	}
	return what + " from"
}

func (b *builder) place(broker, kind, name string) Spot {
	id := placeKey{b.brokers[broker], kind, name}
	if kind == "topic" {
		id.kind = "queue"
	}
	at, known := b.spots[id]
	if !known {
		group := &b.Brokers[id.broker]
		at = Spot{id.broker, len(group.Places)}
		b.spots[id] = at
		group.Places = append(group.Places, Place{kind, name})
	}
	return at
}
