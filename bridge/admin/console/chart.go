package console

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// The measures of a chart, in its own units.
const (
	chartWidth  = 960
	chartHeight = 240
	chartLeft   = 56 // where the axis is
	chartRight  = chartWidth - 12
	chartTop    = 12
	chartBottom = chartHeight - 40
	maxColumns  = 288 // steps that are drawn
)

// chart is what routes moved over some hours.
type chart struct {
	Name          string // of the route; empty: all of them
	Hours         int
	Choices       []window
	Width, Height int
	Left, Right   int
	Top, Bottom   int
	Curves        []curve
	Marks         string // where messages were given up, as a path
	Values, Times []tick
	Says          []string // the same in words
	Empty         bool
}

// window is another length of time.
type window struct {
	Hours int
	Here  bool
}

// curve is one of the rates.
type curve struct {
	Class, Name string
	Points      string
}

// tick is a place on an axis.
type tick struct {
	At   int
	Says string
}

// rates are what a chart shows, by the class that colours it.
var rates = []struct {
	class, name string
	of          func(api.Rates) float64
}{
	{"in", "taken", func(r api.Rates) float64 { return r.In }},
	{"out", "delivered", func(r api.Rates) float64 { return r.Out }},
	{"park", "parked", func(r api.Rates) float64 { return r.Parked }},
	{"dead", "dead letters", func(r api.Rates) float64 { return r.Dead }},
}

// windows are the lengths of time that a chart can have, in hours.
var windows = []int{1, 6, 24}

// chart draws the history of a route, or of all, for as long as the page asks; else
// for as long as there is one: a young bridge has nothing of yesterday.
func (c *Console) chart(r *http.Request, route string) (chart, error) {
	hours, err := strconv.Atoi(r.URL.Query().Get("hours"))
	asked := err == nil && slices.Contains(windows, hours)
	if !asked {
		hours = windows[len(windows)-1]
	}
	h, err := c.cfg.API.History(r.Context(), route, hours)
	if known := known(h); err == nil && !asked && known < hours {
		hours = known
		h, err = c.cfg.API.History(r.Context(), route, hours)
	}
	if err != nil {
		return chart{}, err
	}
	out := plot(h, hours)
	out.Name = route
	for _, n := range windows {
		out.Choices = append(out.Choices, window{n, n == hours})
	}
	return out, nil
}

// known is the shortest window that a history fits into.
func known(h api.History) int {
	long := time.Duration(h.Step) * time.Second * time.Duration(len(h.Steps))
	for _, hours := range windows {
		if long <= time.Duration(hours)*time.Hour {
			return hours
		}
	}
	return windows[len(windows)-1]
}

// plot draws a history.
func plot(h api.History, hours int) chart {
	c := chart{
		Hours: hours, Width: chartWidth, Height: chartHeight, Left: chartLeft, Right: chartRight, Top: chartTop, Bottom: chartBottom,
		Empty: len(h.Steps) == 0 || h.Step <= 0,
	}
	if c.Empty {
		return c
	}
	step := time.Duration(h.Step) * time.Second
	until := h.From.Add(step * time.Duration(len(h.Steps)))
	from := until.Add(-time.Duration(hours) * time.Hour)
	if h.From.Before(from) {
		from = h.From
	}
	place := func(t time.Time) float64 {
		return chartLeft + float64(chartRight-chartLeft)*float64(t.Sub(from))/float64(until.Sub(from))
	}
	top := ceiling(highest(h.Steps))
	for _, r := range rates[:3] {
		c.Curves = append(c.Curves, curve{r.class, r.name, points(h, r.of, place, top)})
	}
	c.Marks = marks(h, place)
	c.Values = valueTicks(top)
	c.Times = timeTicks(from, until, hours, place)
	c.Says = sayRates(h)
	return c
}

// highest is the highest rate that is drawn as a curve.
func highest(steps []api.Rates) (most float64) {
	for _, s := range steps {
		most = max(most, s.In, s.Out, s.Parked)
	}
	return most
}

// ceiling is the next round number.
func ceiling(v float64) float64 {
	if v <= 1 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5, 10} {
		if v <= n*unit {
			return n * unit
		}
	}
	return v
}

// points are a curve. Where there are more steps than columns, the highest of
// each column is drawn, so that no peak is averaged away.
func points(h api.History, of func(api.Rates) float64, place func(time.Time) float64, top float64) string {
	each := (len(h.Steps) + maxColumns - 1) / maxColumns
	var b strings.Builder
	for i := 0; i < len(h.Steps); i += each {
		most := 0.0
		for _, s := range h.Steps[i:min(i+each, len(h.Steps))] {
			most = max(most, of(s))
		}
		middle := h.From.Add(time.Duration(h.Step) * time.Second * time.Duration(2*i+each) / 2)
		fmt.Fprintf(&b, "%.1f,%.1f ", min(place(middle), chartRight), chartBottom-(chartBottom-chartTop)*most/top)
	}
	return strings.TrimSpace(b.String())
}

// marks stand below the axis where messages were given up: a few among thousands
// would not be seen as a curve.
func marks(h api.History, place func(time.Time) float64) string {
	var b strings.Builder
	last := -1.0
	for i, s := range h.Steps {
		at := place(h.From.Add(time.Duration(h.Step) * time.Second * time.Duration(i)))
		if s.Dead > 0 && at-last >= 2 {
			fmt.Fprintf(&b, "M%.1f %dv8", at, chartBottom+2)
			last = at
		}
	}
	return b.String()
}

func valueTicks(top float64) (all []tick) {
	for _, part := range []float64{0, 0.5, 1} {
		all = append(all, tick{chartBottom - int(part*(chartBottom-chartTop)), rate(part*top) + "/s"})
	}
	return all
}

// timeTicks are round times.
func timeTicks(from, until time.Time, hours int, place func(time.Time) float64) (all []tick) {
	every := map[int]time.Duration{1: 10 * time.Minute, 6: time.Hour}[hours]
	if every == 0 {
		every = 4 * time.Hour
	}
	for t := from.Truncate(every); t.Before(until); t = t.Add(every) {
		if at := place(t); at >= chartLeft {
			all = append(all, tick{int(at), t.UTC().Format("15:04")})
		}
	}
	return all
}

// sayRates says what a chart shows.
func sayRates(h api.History) (says []string) {
	now := h.Steps[len(h.Steps)-1]
	for _, r := range rates {
		top := slices.MaxFunc(h.Steps, func(a, b api.Rates) int { return cmp.Compare(r.of(a), r.of(b)) })
		if r.of(top) == 0 {
			says = append(says, r.name+": none")
			continue
		}
		at := h.From.Add(time.Duration(h.Step*slices.Index(h.Steps, top)) * time.Second)
		says = append(says, fmt.Sprintf("%s: peak %s/s at %s UTC, now %s/s", r.name, rate(r.of(top)), at.UTC().Format("15:04"), rate(r.of(now))))
	}
	return says
}
