package graph

import (
	"fmt"
	"io"
	"strings"
)

// Text writes a listing for a terminal. show makes each line fit for one: names
// may hold what moves its cursor.
func Text(w io.Writer, g Graph, show func(string) string) error {
	var b strings.Builder
	b.WriteString("brokers\n")
	for _, group := range g.Brokers {
		fmt.Fprintf(&b, "  %s\n", show(unused(group)))
	}
	b.WriteString("\nroutes\n")
	readers := g.readers()
	for _, r := range g.Routes {
		fmt.Fprintf(&b, "  %s\n", show(r.String()))
		for _, s := range r.From {
			fmt.Fprintf(&b, "    from          %s\n", show(g.where(s)))
		}
		fmt.Fprintf(&b, "    to            %s\n", show(g.linkText(r.To, readers)))
		if r.Mirror != nil {
			fmt.Fprintf(&b, "    dead letters  %s\n", show(g.linkText(*r.Mirror, readers)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func unused(group Broker) string {
	if len(group.Places) == 0 {
		return group.String() + ", no route uses it"
	}
	return group.String()
}

// readers are the names of the routes that read a place.
func (g Graph) readers() map[Spot][]string {
	all := map[Spot][]string{}
	for _, r := range g.Routes {
		for _, s := range r.From {
			all[s] = append(all[s], r.Name)
		}
	}
	return all
}

func (g Graph) where(s Spot) string {
	group := g.Brokers[s.Broker]
	return group.Name + ": " + group.Places[s.Place].String()
}

// linkText also says where messages go on from there.
func (g Graph) linkText(l Link, readers map[Spot][]string) string {
	text := beside(g.where(l.At), l.Note)
	if names := readers[l.At]; len(names) > 0 {
		text += ", read by " + strings.Join(names, ", ")
	}
	return text
}
