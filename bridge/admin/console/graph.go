package console

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/brokerbridge/bridge/bridge/status"
)

// The measures of the drawing, in its own units.
const (
	graphWidth = 960
	boxWidth   = 170 // a broker
	boxHeight  = 46
	plateLeft  = 320 // a route
	plateWidth = 320
	plateStep  = 64
	plateTall  = 52
	maxDrawn   = 24 // routes; more are a wall, and are in the table
)

// graph is the topology as a drawing: brokers left and right, routes between them.
type graph struct {
	Width, Height int
	Boxes         []box
	Lines         []wire
	Plates        []plate
	More          int // routes that are not drawn
}

// box is a broker on one side.
type box struct {
	X, Y, TextX, TextY int
	Name               string
	Down               bool // some connection to it is
}

// wire leads from a broker to a route, or on.
type wire struct {
	Path  string
	Class string
	Says  string
}

// plate is a route.
type plate struct {
	X, Y, W, H int
	Name       string
	Figures    string
	Tone       string
	State      string
	Label      string // all of it, for those who do not see it
	Link       template.URL
}

// draw lays the routes out, one below the other.
func draw(rows []row) graph {
	g := graph{Width: graphWidth, More: max(0, len(rows)-maxDrawn)}
	rows = rows[:min(len(rows), maxDrawn)]
	left, right := newSide(1), newSide(graphWidth-boxWidth-1)
	for _, r := range rows {
		for _, s := range r.Sources {
			left.add(s)
		}
		right.add(r.Target)
	}
	g.Height = max(len(rows)*plateStep, len(left.names)*(boxHeight+10), len(right.names)*(boxHeight+10)) + 8
	g.Boxes = append(left.place(g.Height), right.place(g.Height)...)
	for i, r := range rows {
		top := (2*i+1)*g.Height/(2*len(rows)) - plateTall/2
		g.Plates = append(g.Plates, plateOf(r, top))
		middle := top + plateTall/2
		for _, s := range r.Sources {
			g.Lines = append(g.Lines, line(s, "", boxWidth, left.at[s.Broker], plateLeft, middle))
		}
		g.Lines = append(g.Lines, line(r.Target, r.Breaker, plateLeft+plateWidth, middle, graphWidth-boxWidth, right.at[r.Target.Broker]))
	}
	return g
}

// side are the brokers of one side.
type side struct {
	x     int
	names []string
	down  map[string]bool
	at    map[string]int // the middle of each
}

func newSide(x int) *side { return &side{x: x, down: map[string]bool{}, at: map[string]int{}} }

func (s *side) add(e status.End) {
	if _, known := s.at[e.Broker]; !known {
		s.names = append(s.names, e.Broker)
		s.at[e.Broker] = 0
	}
	s.down[e.Broker] = s.down[e.Broker] || !e.Up
}

// place spreads the brokers over the height.
func (s *side) place(height int) (all []box) {
	for i, name := range s.names {
		y := (2*i + 1) * height / (2 * len(s.names))
		s.at[name] = y
		all = append(all, box{X: s.x, Y: y - boxHeight/2, TextX: s.x + boxWidth/2, TextY: y + 5, Name: name, Down: s.down[name]})
	}
	return all
}

// line is a curve, and how the connection that it stands for is doing.
func line(e status.End, breaker string, x, y, toX, toY int) wire {
	middle := (x + toX) / 2
	w := wire{
		Path:  fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x, y, middle, y, middle, toY, toX, toY),
		Class: "up", Says: e.Broker + ", " + e.Name + ": " + connection(e),
	}
	switch {
	case !e.Up:
		w.Class = "down"
	case breaker == "open" || breaker == "half-open":
		w.Class = "tripped"
		w.Says += ", breaker " + breaker
	}
	return w
}

// connection is how an end is doing, in words.
func connection(e status.End) string {
	switch {
	case e.Up:
		return "connected"
	case e.Reason != "":
		return "not connected: " + e.Reason
	}
	return "not connected"
}

func plateOf(r row, top int) plate {
	var says []string
	if r.Rates != nil {
		says = append(says, rate(r.Rates.Out)+"/s")
	}
	if r.Breaker == "open" || r.Breaker == "half-open" {
		says = append(says, "breaker "+r.Breaker)
	}
	if r.Counts.Parked > 0 {
		says = append(says, count(r.Counts.Parked)+" parked")
	}
	says = append(says, count(r.Counts.Dead)+" dead")
	return plate{
		X: plateLeft, Y: top, W: plateWidth, H: plateTall, Name: r.Name, Tone: tone(r.State), State: string(r.State),
		Figures: strings.Join(says, " · "), Link: routePage(r.Name),
		Label: fmt.Sprintf("Route %s: %s, %s", r.Name, r.State, strings.Join(says, ", ")),
	}
}
