package admin

import (
	"context"
	"fmt"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
)

// thens are the ways to go on after a gap, as the topology file spells them.
var thens = map[lane.Resolve]string{lane.Quarantine: "quarantine", lane.Wait: "wait", lane.Skip: "skip"}

// tell says in a sentence why a lane waits, and by which ways it would go on.
func tell(w *api.Wait, st *stand) {
	next := fmt.Sprintf("revision %d", st.State.Next)
	w.Blocked = st.State.Mode >= lane.Quarantined
	switch st.State.Mode {
	case lane.Adopting:
		w.Why = "new, it waits a moment for its lowest revision"
	case lane.Gap:
		w.Why = has(w.Missing) + " not come, what follows waits"
		w.Ways = gapWays(w, st)
	case lane.GapBlocked:
		w.Why = spell(w.Missing) + " did not come in time, what follows is parked"
		w.Ways = append(gapWays(w, st), api.Way{
			Does:    "give it its time once more",
			Command: keyCommand("release", w, st, ""),
		})
	case lane.Waiting:
		w.Why = next + " failed and is tried again"
		w.Ways = []api.Way{{Does: "it is tried again by itself"}}
	case lane.Quarantined:
		if !st.Due.IsZero() { // asked for, and not through
			w.Why = next + ", a dead letter, is sent again; what follows is parked until that is settled"
			break
		}
		w.Why = next + " is a dead letter, what follows is parked until it is settled"
		w.Ways = letterWays(w)
	case lane.Locked:
		if !st.Due.IsZero() {
			w.Why = "the record was created anew, its new messages are being released"
			break
		}
		w.Why = "the record was created anew, its new messages are parked until they are released"
		w.Ways = []api.Way{{
			Does:    "deliver what came of the new record, from its first revision",
			Command: keyCommand("release", w, st, " --new-epoch"),
		}}
	default:
		w.Why = flows(w, next)
	}
}

// flows is how a lane stands that nothing blocks.
func flows(w *api.Wait, next string) string {
	switch {
	case w.Parked > 0:
		return "nothing blocks it: what was parked is being delivered, from " + next
	case w.Held != nil:
		return "nothing blocks it: " + next + " is on its way"
	}
	return "nothing blocks it: the next message, " + next + ", is delivered as soon as it comes"
}

func has(r *api.Range) string {
	if r != nil && r.From != r.To {
		return spell(r) + " have"
	}
	return spell(r) + " has"
}

// gapWays are the ways out of a gap.
func gapWays(w *api.Wait, st *stand) []api.Way {
	ways := []api.Way{{Does: "have it sent: the key goes on by itself when it comes"}}
	if w.Missing == nil || st.lowest() <= st.State.Next {
		return ways
	}
	if w.Missing.From != w.Missing.To {
		ways[0].Does = "have them sent: the key goes on by itself when they come"
	}
	return append(ways, api.Way{
		Does:    "go on without " + spell(w.Missing) + ", recorded as skipped",
		Command: keyCommand("skip", w, st, fmt.Sprintf(" --to %d", w.Missing.To+1)),
	})
}

// letterWays are the ways out of a quarantine.
func letterWays(w *api.Wait) []api.Way {
	if w.DeadLetter == nil {
		return []api.Way{{Does: "its dead letter is being moved right now: look again"}}
	}
	command := func(verb string) string {
		return fmt.Sprintf("bridge dlq %s %s --route %s --reason '…'", verb, api.Quote(w.DeadLetter.ID), w.Route)
	}
	return []api.Way{
		{Does: "send it again, once its cause is gone", Command: command("redrive")},
		{Does: "give it up for good and go on behind it", Command: command("discard")},
	}
}

// keyCommand is a command about a key. A key that looks like a flag comes last.
func keyCommand(verb string, w *api.Wait, st *stand, flags string) string {
	if st.several {
		flags += fmt.Sprintf(" --epoch %d", w.Epoch)
	}
	flags = fmt.Sprintf(" --route %s%s --reason '…'", w.Route, flags)
	key := w.Raw()
	if strings.HasPrefix(key, "-") {
		return "bridge keys " + verb + flags + " -- " + api.Quote(key)
	}
	return "bridge keys " + verb + " " + api.Quote(key) + flags
}

// explainRoute says how the whole route is doing: a key waits with it.
func (s *Server) explainRoute(ctx context.Context, out *api.Explanation) {
	for _, r := range s.cfg.Routes(ctx) {
		if r.Name == out.Route {
			out.RouteState, out.RouteReason, out.RouteSince, out.Breaker = r.State, r.Reason, r.Since, r.Breaker
			out.RouteWays = routeWays(r)
		}
	}
	for i := range out.Epochs {
		if w := &out.Epochs[i]; out.RouteState != status.Running && w.State == lane.Flowing.String() {
			w.Why += ", once the route moves messages"
		}
	}
}

// routeWays are the ways out of a route that does not move messages.
func routeWays(r status.Route) []api.Way {
	resume := "bridge routes resume " + r.Name
	accept := api.Way{
		Does:    "have the route take the offsets of its source as they are, if they are right",
		Command: resume + " --accept-offset --reason '…'",
	}
	switch {
	case r.State != status.Waiting && r.State != status.Starting && r.State != status.Paused:
		return nil
	case strings.HasPrefix(r.Reason, status.ByOperator):
		return []api.Way{{Does: "let the route go on", Command: resume + " --reason '…'"}}
	case r.OffsetsDoNotFit():
		return []api.Way{{Does: "do what the reason says: the route goes on by itself"}, accept}
	case r.State != status.Paused:
		return []api.Way{{Does: "the route goes on by itself when that is over"}}
	}
	return []api.Way{{Does: "start the route again, once the cause is gone", Command: resume + " --reason '…'"}}
}
