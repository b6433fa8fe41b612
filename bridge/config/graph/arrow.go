package graph

import "fmt"

// What Mermaid and Graphviz call things is made of numbers: a name of the file
// could mean something to them.

func brokerID(i int) string { return fmt.Sprintf("b%d", i+1) }

func routeID(i int) string { return fmt.Sprintf("r%d", i+1) }

func (s Spot) id() string { return fmt.Sprintf("%sp%d", brokerID(s.Broker), s.Place+1) }

// arrow is a line of the drawing.
type arrow struct {
	from, to string
	note     string // may be empty
	dashed   bool
}

// arrows are those of the i-th route.
func (g Graph) arrows(i int) (all []arrow) {
	r, id := g.Routes[i], routeID(i)
	for _, s := range r.From {
		all = append(all, arrow{from: s.id(), to: id})
	}
	all = append(all, arrow{from: id, to: r.To.At.id(), note: r.To.Note})
	if r.Mirror != nil {
		all = append(all, arrow{id, r.Mirror.At.id(), beside("dead letters", r.Mirror.Note), true})
	}
	return all
}

func beside(text, note string) string {
	if note == "" {
		return text
	}
	return text + ", " + note
}
