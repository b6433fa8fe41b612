package console

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// routeView is the page of one route.
type routeView struct {
	api.RouteDetail
	Says    string // what the state means
	Ways    []remedy
	Chart   chart
	Balance balance
	Lanes   []laneFact // keys that do not flow, by what they do
	Dead    []fact     // dead letters since the process started, by reason
}

// remedy is something that one can do about a route.
type remedy struct {
	Does    string
	Do      string // the label of the link
	Link    template.URL
	Danger  bool
	Command string
}

// balance is the conservation of messages as two columns that must be equal.
type balance struct {
	Came, Became []entry
	Sum          int64 // of each
	Off          int64 // what came, and became nothing that is known
}

// entry is a line of a balance.
type entry struct {
	Name string
	N    int64
	Says string
}

// laneFact is how many keys are in a state.
type laneFact struct{ Name, Title, Value string }

func lanesOf(counts map[string]int64) (all []laneFact) {
	for _, f := range facts(counts) {
		all = append(all, laneFact{f.Name, stateOf(f.Name).Title, f.Value})
	}
	return all
}

// means says what the states mean for who looks.
var means = map[status.State]string{
	status.Starting: "It is connecting.",
	status.Running:  "It moves messages.",
	status.Waiting:  "Nobody has to act: it goes on by itself when what the reason names is over.",
	status.Paused:   "It stands until somebody lets it go on.",
	status.Stopped:  "The bridge is ending.",
}

// route is the page of one route.
func (c *Console) route(r *http.Request) (view, error) {
	name := r.PathValue("route")
	d, err := c.cfg.API.Route(r.Context(), name)
	if err != nil {
		return view{}, err
	}
	if d.Counts.Unaccounted != 0 { // a reading may be off for a moment: look twice
		if again, err := c.cfg.API.Route(r.Context(), name); err == nil {
			d = again
		}
	}
	chart, err := c.chart(r, name)
	if err != nil {
		return view{}, err
	}
	return view{page: "route", title: d.Name, nav: "overview", data: routeView{
		RouteDetail: d, Says: means[d.State], Ways: waysOf(d.Route), Chart: chart, Balance: balanceOf(d.Counts),
		Lanes: lanesOf(d.Counts.Keys), Dead: facts(d.Counts.DeadBy),
	}}, nil
}

// waysOf are the changes that fit the state of a route.
func waysOf(r status.Route) (all []remedy) {
	command := func(verb, flags string) string {
		return "bridge routes " + verb + " " + api.Quote(r.Name) + flags + " --reason '…'"
	}
	resume := remedy{
		Does: "start the route again, once the cause is gone", Do: "Resume…", Link: actPage(r.Name, "resume"), Command: command("resume", ""),
	}
	byOperator := strings.HasPrefix(r.Reason, status.ByOperator)
	if byOperator {
		resume.Does = "let the route go on"
	}
	if r.State == status.Paused || byOperator {
		all = append(all, resume)
	}
	if r.OffsetsDoNotFit() {
		all = append(all, remedy{
			Does: "have the route take the offsets of its source as they are, if they are right", Do: "Take the offsets as they are…",
			Link: actPage(r.Name, "accept-offset"), Danger: true, Command: command("resume", " --accept-offset"),
		})
	}
	if r.State != status.Paused && r.State != status.Stopped && !byOperator {
		all = append(all, remedy{
			Does: "stop taking from the sources; what is in hand is delivered", Do: "Pause…", Link: actPage(r.Name, "pause"), Command: command("pause", ""),
		})
	}
	return all
}

// balanceOf lays out what came and what became of it, since the route exists. The
// bridge counts them apart; what is left between them is unaccounted for.
func balanceOf(c status.Counts) balance {
	b := balance{Off: c.Unaccounted, Became: []entry{
		{"delivered", c.Delivered, "the target confirmed them"},
		{"duplicates", c.Duplicates, "dropped: they had been delivered"},
		{"filtered", c.Filtered, "not among those that the route takes"},
		{"parked", c.Parked, "in the store, waiting for what is before them"},
		{"dead letters", c.Dead, "given up, waiting for somebody"},
		{"in memory", c.InMemory, "under way; the source has them, too"},
		{"discarded", c.Discarded, "dead letters given up for good"},
		{"archived", c.Archived, "dead letters put away"},
		{"purged", c.Purged, "their content was to be forgotten"},
		{"expired", c.Expired, "their time was over before they were delivered"},
	}}
	for _, e := range b.Became {
		b.Sum += e.N
	}
	b.Sum += c.Unaccounted
	b.Came = []entry{
		{"taken", b.Sum - c.Imported - c.Restored, "from the sources, since the route exists"},
		{"imported", c.Imported, "dead letters from elsewhere"},
		{"restored", c.Restored, "from the archive"},
	}
	return b
}
