package console

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/mask"
	"github.com/brokerbridge/bridge/bridge/status"
)

const (
	maxAsked  = 40 // routes that are asked for more than their status for one page
	maxGroups = 5  // causes of one route: the others hurt less
	maxCauses = 12 // on a page
)

// The ranks of causes: what stops most comes first.
const (
	lost      = iota // messages are unaccounted for
	standing         // a route that somebody has to let go on
	waiting          // a route that goes on by itself
	blocked          // keys that wait
	held             // a route that somebody paused: it is known
	limit            // an alarm
	unsettled        // dead letters that nothing waits for
)

// harm is something that keeps messages from moving, or that somebody should see
// to.
type harm struct {
	Route   string
	Kind    string // which of the route's it is, always the same
	Tone    string
	Says    string
	Error   string // what the target or a broker said
	Waits   int64  // messages behind it
	UpTo    bool   // it may be fewer
	Keys    int64  // keys that wait for it
	Link    template.URL
	Do      string // what the link leads to
	Command string // the same in a shell
	Itself  bool   // it ends without anybody
	rank    int
}

// verdict is how a bridge is doing, in a sentence.
type verdict struct {
	Tone string
	Says string
	Link template.URL
	Do   string
}

// causes are what is wrong, the worst first.
func (c *Console) causes(ctx context.Context, routes []status.Route) ([]harm, error) {
	var all []harm
	asked := 0
	for _, r := range routes {
		all = append(all, ofRoute(r)...)
		if r.Counts.Dead == 0 || asked == maxAsked {
			atMost(all, r.Name, r.Counts.Parked)
			continue
		}
		asked++
		groups, err := c.groupsOf(ctx, r.Name)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			all = append(all, ofGroup(g))
		}
		atMost(all, r.Name, r.Counts.Parked)
	}
	slices.SortStableFunc(all, func(a, b harm) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.Waits, a.Waits), cmp.Compare(b.Keys, a.Keys))
	})
	return all, nil
}

// atMost says of the keys that miss something how many messages wait behind them:
// all that are parked on their route, but for those behind its dead letters.
func atMost(all []harm, route string, parked int64) {
	for _, h := range all {
		if h.Route == route && h.rank == blocked {
			parked -= h.Waits
		}
	}
	for i := range all {
		if h := &all[i]; h.Route == route && h.UpTo {
			h.Waits = max(0, parked)
		}
	}
}

// groupsOf are the causes of a route's dead letters that most waits for.
func (c *Console) groupsOf(ctx context.Context, route string) (all []api.Group, err error) {
	for g, err := range c.cfg.API.Groups(ctx, route, "parked") {
		if err != nil {
			return nil, err
		}
		if all = append(all, g); len(all) == maxGroups {
			break
		}
	}
	return all, nil
}

// ofRoute is what the status of a route says is wrong with it.
func ofRoute(r status.Route) (all []harm) {
	if n := r.Counts.Unaccounted; n != 0 {
		all = append(all, harm{
			rank: lost, Route: r.Name, Kind: "balance", Tone: "bad", Says: plural(n, "message is", "messages are") + " unaccounted for",
			Link: routePage(r.Name) + "#balance", Do: "See the balance", Command: "bridge routes show " + api.Quote(r.Name),
		})
	}
	if !r.Ready() {
		all = append(all, ofState(r))
	}
	for _, w := range []struct {
		kind     string
		one, any string
	}{
		{"gap_blocked", "key misses a revision that did not come in time", "keys miss revisions that did not come in time"},
		{"locked", "key was created anew and waits to be released", "keys were created anew and wait to be released"},
	} {
		if keys := r.Counts.Keys[w.kind]; keys > 0 {
			all = append(all, harm{
				rank: blocked, Route: r.Name, Kind: w.kind, Tone: "bad", Says: plural(keys, w.one, w.any), Keys: keys, UpTo: true,
				Link: blockedKeys(r.Name), Do: "See the keys", Command: "bridge keys ls --route " + api.Quote(r.Name),
			})
		}
	}
	for _, a := range r.Alarms {
		all = append(all, harm{
			rank: limit, Route: r.Name, Kind: a.Reason, Tone: "busy", Says: a.Says, Link: alarmPage(r.Name, a.Reason), Do: "Look at them", Command: "bridge routes show " + api.Quote(r.Name),
		})
	}
	return all
}

// ofState is a route that does not move messages.
func ofState(r status.Route) harm {
	w := harm{
		rank: waiting, Route: r.Name, Kind: "state", Tone: tone(r.State), Says: "the route is " + string(r.State), Error: r.Reason,
		Waits: lag(r), Link: routePage(r.Name), Do: "See why", Command: "bridge routes show " + api.Quote(r.Name),
	}
	w.Itself = r.State == status.Waiting && !r.OffsetsDoNotFit() && !strings.HasPrefix(r.Reason, status.ByOperator)
	if r.State == status.Paused {
		w.rank, w.Do, w.Link = standing, "Resume it…", actPage(r.Name, "resume")
		w.Command = "bridge routes resume " + api.Quote(r.Name) + " --reason '…'"
	}
	if strings.HasPrefix(r.Reason, status.ByOperator) {
		w.rank, w.Tone = held, "busy"
	}
	if r.OffsetsDoNotFit() {
		w.rank, w.Do, w.Link = standing, "See the ways on", routePage(r.Name)+"#ways"
	}
	return w
}

// lag is what waits at the sources of a route, where that is known.
func lag(r status.Route) (n int64) {
	for _, s := range r.Sources {
		n += max(0, s.Lag)
	}
	return n
}

// ofGroup is a cause of dead letters.
func ofGroup(g api.Group) harm {
	w := harm{
		rank: blocked, Route: g.Route, Kind: g.Fingerprint, Tone: "bad", Error: g.Error, Waits: g.ParkedBehind, Keys: g.BlockedKeys,
		Says: fmt.Sprintf("%s, %s", plural(g.Dead, "dead letter", "dead letters"), g.Reason),
		Link: groupPage(g), Do: "See them, and what to do",
		Command: "bridge dlq ls --route " + api.Quote(g.Route) + " --group " + api.Quote(g.Fingerprint),
	}
	if w.Error == mask.NotShown { // what the reason means says more
		w.Error = strings.TrimSuffix(reasons[g.Reason].Means, ".")
	}
	if g.BlockedKeys == 0 {
		w.rank, w.Tone = unsettled, "busy"
	}
	return w
}

// judge says in a sentence how the bridge is doing.
func judge(routes []status.Route, causes []harm) verdict {
	ready := 0
	var parked int64
	for _, r := range routes {
		if r.Ready() {
			ready++
		}
		parked += r.Counts.Parked
	}
	if len(causes) == 0 {
		return verdict{Tone: "good", Says: fmt.Sprintf("All is well: %s, 0 unaccounted.", plural(len(routes), "route moves messages", "routes move messages"))}
	}
	worst := causes[0]
	return verdict{Tone: worst.Tone, Says: opening(worst, routes, ready, parked, causes) + worst.inWords() + ".", Link: worst.Link, Do: worst.Do}
}

// opening is what the sentence says before it names the worst cause.
func opening(worst harm, routes []status.Route, ready int, parked int64, causes []harm) string {
	switch worst.rank {
	case standing, waiting, held:
		if n := len(routes) - ready; n == 1 {
			return fmt.Sprintf("1 of %s does not move messages: ", plural(len(routes), "route", "routes"))
		}
		return fmt.Sprintf("%d of %d routes do not move messages; the worst: ", len(routes)-ready, len(routes))
	case blocked:
		n := 0
		for _, c := range causes {
			if c.rank == blocked {
				n++
			}
		}
		what := plural(parked, "message waits", "messages wait")
		if parked == 0 {
			what = "Keys wait"
		}
		if n == 1 {
			return what + ": "
		}
		return fmt.Sprintf("%s, for %d causes; the worst: ", what, n)
	case limit, unsettled:
		return "All routes move messages, but somebody should look: "
	}
	return ""
}

// Most stands before how many messages wait, where it may be fewer.
func (c harm) Most() string {
	if c.UpTo && c.Waits > 0 {
		return "up to "
	}
	return ""
}

// inWords is a cause as part of a sentence.
func (c harm) inWords() string {
	text := "on " + c.Route + " " + c.Says
	if c.rank == standing || c.rank == waiting || c.rank == held {
		text = c.Route + " is " + c.Says[len("the route is "):]
	}
	if c.rank == blocked && c.Waits > 0 {
		text += fmt.Sprintf(", with %s%s behind %s", c.Most(), plural(c.Waits, "message", "messages"), plural(c.Keys, "key", "keys"))
	}
	if c.Error != "" {
		text += ": " + clip(c.Error, 160)
	}
	if c.Itself {
		text += "; it goes on by itself"
	}
	return text
}
