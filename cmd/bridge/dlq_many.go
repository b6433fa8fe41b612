package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

// fewIDs are done one after the other while the command waits; more are an
// operation of the bridge.
const fewIDs = 20

// manyLong is about operations, for the help of each command that begins one.
const manyLong = `
A selection, or more than 20 IDs, becomes an operation of the bridge, which goes on
in the background and after a restart: its plan is shown, on a terminal you are
asked whether to go on (not with --yes), and its progress follows. Without a
terminal nothing is asked: it begins. Ctrl-C stops watching, not the operation;
bridge ops has the commands to see, pause, resume and cancel it. It ends with 1 if
some failed or were refused, or if it stopped before its end.

What is given up while it runs is not part of it.`

// many are the flags of commands that change many dead letters.
type many struct {
	changing
	selecting
	action     string
	outOfOrder bool
	rate       float64
	canary     int
	stopAt     float64
	yes        bool
	detach     bool
}

func (m *many) add(cmd *cobra.Command) {
	m.changing.addRoute(cmd)
	m.selecting.addAll(cmd, &m.ask)
	f := cmd.Flags()
	f.Float64Var(&m.rate, "rate", 0, "at most so many a second (default: as fast as it goes)")
	f.BoolVarP(&m.yes, "yes", "y", false, "do not ask whether to go on")
	f.BoolVar(&m.detach, "detach", false, "do not wait for its end")
	if m.action == "redrive" {
		f.IntVar(&m.canary, "canary", 0, "so many first, and no more if one of them fails again")
		f.Float64Var(&m.stopAt, "stop-at", 0, "the part that may fail again before it stops, of 20 at least; 1: it never does (default 0.5)")
		f.BoolVar(&m.outOfOrder, "out-of-order", false, "also what later revisions of its key have passed")
	}
	args := cmd.Args
	cmd.Args = cobra.MatchAll(args, func(cmd *cobra.Command, _ []string) error { return m.check(cmd) })
}

// check is what can be said of the flags alone.
func (m *many) check(cmd *cobra.Command) error {
	switch f := cmd.Flags(); {
	case f.Changed("rate") && m.rate <= 0:
		return errors.New("--rate must be more than 0")
	case f.Changed("canary") && m.canary <= 0:
		return errors.New("--canary must be more than 0")
	case f.Changed("stop-at") && (m.stopAt <= 0 || m.stopAt > 1):
		return errors.New("--stop-at must be more than 0, and 1 at most")
	}
	return nil
}

// isOne reports whether an operation is wanted, though there are few.
func (m *many) isOne() bool {
	return m.rate > 0 || m.canary > 0 || m.stopAt > 0 || m.detach
}

// plans are what an operation would do on a route.
type plans struct {
	Route string `json:"route"`
	api.Plan
}

// String is a plan in a line.
func (p plans) String() string {
	text := fmt.Sprintf("route %s: %s", p.Route, p.Says)
	if p.TakesSeconds > 0 {
		text += "; it takes " + lasts(time.Duration(p.TakesSeconds)*time.Second) + " at this rate"
	}
	return printable(text)
}

// operate plans the operation, begins it on each route that has such dead letters,
// and follows it.
func (m *many) operate(cmd *cobra.Command, c *client.Client, ids []string, ch api.Change) error {
	r := api.Request{
		Reason: ch.Reason, By: ch.By, Action: m.action, Selection: m.selection(ids),
		OutOfOrder: m.outOfOrder, Rate: m.rate, Canary: m.canary, StopAt: m.stopAt,
	}
	all, err := m.plan(cmd, c, r)
	if err != nil {
		return err
	}
	if m.dryRun {
		return m.showPlans(cmd, all)
	}
	if len(all) == 0 {
		return m.nothing(cmd)
	}
	sum := int64(0)
	for _, p := range all {
		sum += p.Messages
		fmt.Fprintln(cmd.ErrOrStderr(), p)
	}
	if !m.yes && canAsk(cmd) {
		ok, err := confirm(cmd, fmt.Sprintf("%s %s?", m.action, some64(sum, "dead letter")))
		if err != nil {
			return err
		}
		if !ok {
			return &exitError{failed, errors.New("nothing was changed"), ""}
		}
	}
	begun, err := m.begunAll(cmd.Context(), c, r, all)
	if err != nil || m.detach {
		return errors.Join(printOperations(cmd, m.output.value, begun), err)
	}
	return m.follow(cmd, c, begun)
}

// plan asks each route; those without such dead letters are left out.
func (m *many) plan(cmd *cobra.Command, c *client.Client, r api.Request) (all []plans, err error) {
	ctx := cmd.Context()
	routes, err := m.routes(ctx, c)
	if err != nil {
		return nil, err
	}
	r.DryRun = true
	found, names := int64(0), []string{}
	for _, route := range routes {
		b, err := c.Begin(ctx, route, r)
		if err != nil && m.route == "" && m.spared(ctx, c, route, err) {
			continue
		}
		if err != nil {
			return nil, m.ofRoute(route, err)
		}
		if b.Plan != nil && b.Plan.Messages > 0 {
			all, names = append(all, plans{route, *b.Plan}), append(names, route)
			found += b.Plan.Messages
		}
	}
	given := int64(len(r.Selection.IDs))
	switch {
	case given > 0 && len(all) > 1: // the same key and revision have the same ID on every route
		return nil, &exitError{invalid, fmt.Errorf("several routes have them, %s: say which with --route", strings.Join(names, ", ")), ""}
	case given > found && found > 0:
		fmt.Fprintf(cmd.ErrOrStderr(), "%s of the %s are no dead letters, or not any more\n", count(given-found), count(given))
	}
	return all, nil
}

// ofRoute says whose error it is, where several routes are asked.
func (m *many) ofRoute(route string, err error) error {
	if m.route != "" {
		return err
	}
	return about("route "+route, err)
}

// spared reports whether a route that does not run has no such dead letters: then
// it does not matter.
func (m *many) spared(ctx context.Context, c *client.Client, route string, err error) bool {
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.NotRunning || !m.given() {
		return false
	}
	which := m.list()
	which.Limit = 1
	next, stop := iter.Pull2(c.DeadLetters(ctx, route, which))
	defer stop()
	_, _, ok := next() // one, or why none is known
	return !ok
}

func (m *many) showPlans(cmd *cobra.Command, all []plans) error {
	if m.output.value != "table" {
		return printAll(cmd, m.output.value, append([]plans{}, all...))
	}
	if len(all) == 0 {
		return m.nothing(cmd)
	}
	for _, p := range all {
		fmt.Fprintln(cmd.OutOrStdout(), "dry run:", p)
	}
	return nil
}

// nothing is no failure: asked for again, a redrive that worked finds nothing.
func (m *many) nothing(cmd *cobra.Command) error {
	fmt.Fprintln(cmd.ErrOrStderr(), "nothing to do: there are no such dead letters")
	return printOperations(cmd, m.output.value, nil)
}

// begunAll begins an operation on each route. One that cannot begin ends it; those
// before it go on.
func (m *many) begunAll(ctx context.Context, c *client.Client, r api.Request, all []plans) (begun []api.Operation, err error) {
	for _, p := range all {
		b, err := c.Begin(ctx, p.Route, r)
		if err != nil {
			return begun, m.ofRoute(p.Route, err)
		}
		if b.Operation == nil {
			return begun, fmt.Errorf("route %s: the bridge did not say which operation it is", p.Route)
		}
		begun = append(begun, *b.Operation)
	}
	return begun, nil
}

// follow waits for the end of operations that run side by side, watching one after
// the other.
func (m *many) follow(cmd *cobra.Command, c *client.Client, begun []api.Operation) error {
	for i, op := range begun {
		ended, err := watch(cmd, c, op)
		if err != nil {
			m.detached(cmd, begun[i:])
			return err
		}
		begun[i] = ended
	}
	if err := printOperations(cmd, m.output.value, begun); err != nil {
		return err
	}
	return m.judgeEnd(begun)
}

func (m *many) detached(cmd *cobra.Command, left []api.Operation) {
	for _, op := range left {
		fmt.Fprintf(cmd.ErrOrStderr(), "it goes on in the background: %s\n", printable(m.here("bridge ops show "+api.Quote(op.ID))))
	}
}

// judgeEnd is the exit code of operations, and how to go on with those that did
// not do everything.
func (a *ask) judgeEnd(ended []api.Operation) error {
	var ways []string
	bad := false
	for _, op := range ended {
		switch {
		case op.State == "paused" || op.State == "stopped":
			ways = append(ways, "to go on, once the cause is gone: "+a.here("bridge ops resume "+api.Quote(op.ID)+" --reason '…'"))
		case op.State == "done" && op.Failed+op.Refused == 0:
			continue
		}
		if op.Failed > 0 {
			ways = append(ways, "why they failed again: "+a.here("bridge dlq groups"))
		}
		bad = true
	}
	if !bad {
		return nil
	}
	return &exitError{failed, errors.New("not everything was done"), strings.Join(ways, "\n  ")}
}

// some64 is a number of things.
func some64(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return count(n) + " " + thing + "s"
}

// count is a number as people read large ones.
func count(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
