package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

// changing are the flags of commands that change something.
type changing struct {
	ask
	reason string
	dryRun bool
}

func (f *changing) add(cmd *cobra.Command) {
	f.ask.add(cmd)
	f.flags(cmd)
}

func (f *changing) addRoute(cmd *cobra.Command) {
	f.ask.addRoute(cmd)
	f.flags(cmd)
}

func (f *changing) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the audit; required")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "change nothing, say what would be done")
}

// change is what is asked for, by whom and why.
func (f *changing) change() (api.Change, error) {
	reason := strings.TrimSpace(f.reason)
	switch {
	case strings.Trim(reason, "….") == "" && !f.dryRun: // the dots are those of our own suggestions
		return api.Change{}, &exitError{invalid, errors.New("say why, with --reason TEXT: it is kept in the audit"), ""}
	case len(reason) > api.MaxReason:
		return api.Change{}, &exitError{invalid, fmt.Errorf("the reason has %d bytes, the limit is %d", len(reason), api.MaxReason), ""}
	}
	return api.Change{Reason: reason, By: whoAmI(), DryRun: f.dryRun}, nil
}

// begin is what comes before each change: what is asked for, and the bridge that
// is asked.
func (f *changing) begin(cmd *cobra.Command) (*client.Client, api.Change, error) {
	ch, err := f.change()
	if err != nil {
		return nil, ch, err
	}
	c, err := f.client(cmd)
	return c, ch, err
}

// whoAmI is the user, and behind sudo the one who became it.
func whoAmI() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if before := os.Getenv("SUDO_USER"); before != "" && before != name {
		name = before + " as " + name
	}
	return name
}

// theRoute finds the one route that knows a thing, which get asks for.
func (f *changing) theRoute(ctx context.Context, c *client.Client, get func(route string) error) (string, error) {
	routes, err := f.routes(ctx, c)
	if err != nil || len(routes) == 1 {
		return strings.Join(routes, ""), err
	}
	found, err := find(routes, func(route string) (string, error) { return route, get(route) })
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", &exitError{failed, errors.New("the bridge has no routes"), ""}
	case len(found) > 1:
		return "", &exitError{invalid, fmt.Errorf("several routes have it, %s: say which with --route", strings.Join(found, ", ")), ""}
	}
	return found[0], nil
}

// outcomeText is a line about what was done.
func outcomeText(cmd *cobra.Command, o api.Outcome) {
	note := ""
	switch {
	case o.DryRun:
		note = "dry run: "
	case !o.Done:
		note = "nothing to do: "
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%sroute %s: %s\n", note, printable(o.Route), printable(o.Says))
}

// each does something for one thing after the other. What is refused is said at
// once, and the others are done all the same; where nobody answers, it ends.
func each(cmd *cobra.Command, format string, things []string, do func(thing string) (api.Outcome, error)) error {
	outcomes, worst := []api.Outcome{}, done
	var last error
	for _, thing := range things {
		o, err := do(thing)
		if err == nil {
			outcomes = append(outcomes, o)
			if format == "table" {
				outcomeText(cmd, o)
			}
			continue
		}
		if _, refused := errors.AsType[*api.Error](err); !refused {
			last = err
			break
		}
		if len(things) == 1 {
			last = err
			break
		}
		var e *exitError
		errors.As(judge(err), &e)
		e.Err = fmt.Errorf("%s: %w", thing, e.Err)
		worst = max(worst, report(cmd.ErrOrStderr(), cmd, e))
	}
	if format != "table" {
		if err := printAll(cmd, format, outcomes); err != nil {
			return err
		}
	}
	switch {
	case last != nil:
		return last
	case worst != done:
		return &exitError{Code: worst}
	}
	return nil
}

// printAll prints a JSON array, or an object per line.
func printAll[T any](cmd *cobra.Command, format string, all []T) error {
	if format == "json" {
		return printJSON(cmd.OutOrStdout(), all, "  ")
	}
	for _, one := range all {
		if err := printJSON(cmd.OutOrStdout(), one, ""); err != nil {
			return err
		}
	}
	return nil
}
