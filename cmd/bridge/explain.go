package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/status"
)

const explainLong = `Says what a key waits for, since when, what is parked behind that, and the command
that lets it go on.`

func newExplain() *cobra.Command {
	var a ask
	cmd := &cobra.Command{
		Use: "explain KEY", Short: "Say what a key waits for, and what would let it go on", Long: explainLong,
		Example: "  bridge explain 4711", Args: one("KEY"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return look(cmd, &a, args[0], (*client.Client).Explain, a.explainText)
		}),
	}
	a.addRoute(cmd)
	return cmd
}

func (a *ask) explainText(cmd *cobra.Command, e api.Explanation) {
	if len(e.Epochs) == 0 {
		fact(cmd, "key", e.Raw())
		routeText(cmd, e)
		fact(cmd, "state", "nothing of it was settled or stored in order")
	}
	for _, w := range e.Epochs {
		fact(cmd, "key", e.Raw())
		routeText(cmd, e)
		if len(e.Epochs) > 1 || w.Epoch > 0 {
			fact(cmd, "epoch", fmt.Sprint(w.Epoch))
		}
		waitText(cmd, w)
		a.waysText(cmd.OutOrStdout(), slices.Concat(e.RouteWays, w.Ways))
		fmt.Fprintln(cmd.OutOrStdout())
	}
	besideText(cmd, e)
}

// routeText says how the route is doing, and more of it if it does not run.
func routeText(cmd *cobra.Command, e api.Explanation) {
	text := fmt.Sprintf("%s, %s", e.Route, e.RouteState)
	if e.RouteState != status.Running {
		text += " since " + instant(e.RouteSince)
	}
	fact(cmd, "route", text)
	fact(cmd, "", e.RouteReason)
	if e.Breaker != "" && e.Breaker != "closed" {
		fact(cmd, "breaker", e.Breaker+": the target is unavailable, no key moves")
	}
}

func waitText(cmd *cobra.Command, w api.Wait) {
	fact(cmd, "state", w.State+": "+w.Why)
	fact(cmd, "since", instant(w.Since))
	if w.State == "gap" {
		fact(cmd, "times out", timesOut(w))
	}
	if w.State == "waiting" {
		fact(cmd, "attempts", fmt.Sprint(w.Attempts))
		fact(cmd, "next try", instant(w.Due))
		fact(cmd, "error", w.Error)
	}
	if d := w.DeadLetter; d != nil {
		fact(cmd, "dead letter", d.ID)
		fact(cmd, "reason", d.Reason)
		fact(cmd, "error", d.Error)
		fact(cmd, "attempts", attempts(*d))
	}
	if t := w.LastTry; t != nil {
		fact(cmd, "last try", tryText(*t))
	}
	fact(cmd, "parked", behindText(w))
	fact(cmd, "held", number(w.Held))
	fact(cmd, "next", number(w.Next))
	fact(cmd, "highest", number(w.Highest))
}

// timesOut says when a gap has lasted too long, and what then.
func timesOut(w api.Wait) string {
	then := map[string]string{
		"quarantine": "then the key is blocked until it comes or is skipped",
		"skip":       "then the key goes on without it, recorded",
		"wait":       "and the key waits on all the same",
	}[w.Then]
	if w.Expires.IsZero() {
		return "not while the source does not deliver; its clock stands still"
	}
	return strings.TrimSuffix("at the latest "+instant(w.Expires)+", "+then, ", ")
}

func behindText(w api.Wait) string {
	b := w.Behind
	if b == nil {
		return ""
	}
	if b.Count == 1 && len(b.Ranges) == 1 {
		return fmt.Sprintf("1, revision %d, since %s", b.Ranges[0].From, instant(b.Oldest))
	}
	var ranges []string
	for _, r := range b.Ranges {
		if r.From == r.To {
			ranges = append(ranges, fmt.Sprint(r.From))
		} else {
			ranges = append(ranges, fmt.Sprintf("%d to %d", r.From, r.To))
		}
	}
	text := fmt.Sprint(b.Count)
	if len(ranges) > 0 {
		text += ", revisions " + strings.Join(ranges, ", ")
	}
	if b.Seen < b.Count {
		text += ", …"
	}
	if !b.Oldest.IsZero() {
		text += "; the oldest since " + instant(b.Oldest)
	}
	return text
}

// waysText lists what would help. A command names the bridge where the one that
// asked did.
func (a *ask) waysText(out io.Writer, ways []api.Way) {
	if len(ways) > 0 {
		fmt.Fprintf(out, "\nto let it go on\n")
	}
	for _, w := range ways {
		if w.Command == "" {
			fmt.Fprintf(out, "  %s\n", printable(w.Does))
			continue
		}
		fmt.Fprintf(out, "  %s:\n    %s\n", printable(w.Does), printable(a.here(w.Command)))
	}
}

// here makes a command reach the bridge that was asked.
func (a *ask) here(command string) string {
	where := ""
	switch {
	case a.admin != "":
		where = " --admin " + api.Quote(a.admin)
	case a.file.path != defaultFile:
		where = " -c " + api.Quote(a.file.path)
	}
	for _, flag := range []string{" --route ", " --accept-offset ", " --reason "} {
		if i := strings.LastIndex(command, flag); i >= 0 {
			return command[:i] + where + command[i:]
		}
	}
	return command + where
}

func besideText(cmd *cobra.Command, e api.Explanation) {
	if len(e.Beside) == 0 {
		return
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "dead letters of this key for which nothing waits\n")
	for _, d := range e.Beside {
		line := d.ID + "  " + d.Reason
		if d.Revision != nil {
			line += "  revision " + number(d.Revision)
		}
		fmt.Fprintf(out, "  %s\n", printable(line))
	}
	if e.BesideOmitted > 0 {
		fmt.Fprintf(out, "  … and %d more: bridge dlq ls --key KEY\n", e.BesideOmitted)
	}
	fmt.Fprintln(out)
}
