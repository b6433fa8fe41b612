package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

func newOps() *cobra.Command {
	return newGroup("ops", "See and steer what is done with many dead letters at once",
		newOpsList(), newOpsShow(), newOpsPause(), newOpsResume(), newOpsCancel())
}

func newOpsList() *cobra.Command {
	var a ask
	var limit int
	cmd := &cobra.Command{
		Use: "ls", Short: "List the operations, those that are over with them, the newest last", Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, routes, err := a.reach(cmd)
			if err != nil {
				return err
			}
			var all []api.Operation
			for op, err := range ofRoutes(routes, 0, func(route string, _ int) iter.Seq2[api.Operation, error] {
				return c.Operations(cmd.Context(), route, client.List{})
			}) {
				if err != nil {
					return err
				}
				all = append(all, op)
			}
			slices.SortStableFunc(all, func(a, b api.Operation) int { return a.Began.Compare(b.Began) })
			older := limit > 0 && len(all) > limit
			if older {
				all = all[len(all)-limit:]
			}
			l := listing[api.Operation]{columns: operationColumns, none: "there are no operations"}
			if err := l.print(cmd, a.output.value, sequence(all)); err != nil {
				return err
			}
			if older {
				fmt.Fprintln(cmd.ErrOrStderr(), "there are older ones: --limit N shows more, --limit 0 all")
			}
			return nil
		}),
	}
	a.addRoute(cmd)
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most; 0: all")
	return cmd
}

var operationColumns = []column[api.Operation]{
	{"ROUTE", func(o api.Operation) string { return o.Route }},
	{"ID", func(o api.Operation) string { return o.ID }},
	{"DOES", func(o api.Operation) string { return o.Action }},
	{"STATE", func(o api.Operation) string { return o.State }},
	{"OF", func(o api.Operation) string { return fmt.Sprint(o.Total) }},
	{"DONE", func(o api.Operation) string { return fmt.Sprint(o.Done) }},
	{"FAILED", func(o api.Operation) string { return fmt.Sprint(o.Failed) }},
	{"REFUSED", func(o api.Operation) string { return fmt.Sprint(o.Refused) }},
	{"LEFT", func(o api.Operation) string { return fmt.Sprint(o.Left) }},
	{"BEGAN", func(o api.Operation) string { return instant(o.Began) }},
	{"BY", func(o api.Operation) string { return o.By }},
	{"REASON", func(o api.Operation) string { return o.Reason }},
}

func newOpsShow() *cobra.Command {
	var a ask
	var watched bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show an operation", Args: one("ID"),
		Long: "Shows an operation. With --watch it is followed until it ends or stands still, and\n" +
			"the exit code is that of the command that began it; Ctrl-C ends the watching only.",
		Example: "  bridge ops show 0192f0c1-… --watch",
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, routes, err := a.reach(cmd)
			if err != nil {
				return err
			}
			found, err := find(routes, func(route string) (api.Operation, error) {
				return c.Operation(cmd.Context(), route, args[0])
			})
			if err != nil || !watched {
				return orShow(cmd, a.output.value, found, err)
			}
			for i, op := range found {
				if found[i], err = watch(cmd, c, op); err != nil {
					return err
				}
			}
			if err := show(cmd, a.output.value, found, operationText); err != nil {
				return err
			}
			return a.judgeEnd(found)
		}),
	}
	a.addRoute(cmd)
	cmd.Flags().BoolVarP(&watched, "watch", "w", false, "follow it until it ends")
	return cmd
}

func orShow(cmd *cobra.Command, format string, found []api.Operation, err error) error {
	if err != nil {
		return err
	}
	return show(cmd, format, found, operationText)
}

func newOpsPause() *cobra.Command {
	return aboutOperation(&cobra.Command{
		Use: "pause ID", Short: "Let an operation rest",
		Long: "Lets an operation rest: what it has sent already ends, no more is sent. It rests\n" +
			"after a restart, too, until it is resumed.",
		Example: "  bridge ops pause 0192f0c1-… --reason 'the target is busy enough'",
	}, (*client.Client).PauseOperation)
}

func newOpsResume() *cobra.Command {
	return aboutOperation(&cobra.Command{
		Use: "resume ID", Short: "Let an operation go on that was paused, or stopped by itself",
		Example: "  bridge ops resume 0192f0c1-… --reason 'the schema is fixed now'",
	}, (*client.Client).ResumeOperation)
}

func newOpsCancel() *cobra.Command {
	return aboutOperation(&cobra.Command{
		Use: "cancel ID", Short: "End an operation before it is done",
		Long:    "Ends an operation for good. What it has done stays done, the others stay dead letters.",
		Example: "  bridge ops cancel 0192f0c1-… --reason 'the wrong group'",
	}, (*client.Client).CancelOperation)
}

// aboutOperation makes a command that steers one operation.
func aboutOperation(cmd *cobra.Command,
	do func(c *client.Client, ctx context.Context, route, id string, ch api.Change) (api.Operation, error),
) *cobra.Command {
	var f changing
	cmd.Args = one("ID")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		c, ch, err := f.begin(cmd)
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		var op api.Operation
		route, err := f.theRoute(ctx, c, func(route string) (err error) {
			op, err = c.Operation(ctx, route, args[0])
			return err
		})
		if err != nil {
			return err
		}
		if f.dryRun {
			fmt.Fprintln(cmd.ErrOrStderr(), "dry run: this is the operation, as it is")
			if op.ID == "" { // there is one route, which was not asked
				op, err = c.Operation(ctx, route, args[0])
			}
			return orShow(cmd, f.output.value, []api.Operation{op}, err)
		}
		op, err = do(c, ctx, route, args[0], ch)
		return orShow(cmd, f.output.value, []api.Operation{op}, err)
	})
	f.addRoute(cmd)
	return cmd
}

// operationText shows all that is known of an operation.
func operationText(cmd *cobra.Command, o api.Operation) {
	fact(cmd, "operation", o.ID)
	fact(cmd, "route", o.Route)
	fact(cmd, "does", o.Action+" "+selectionText(o.Selection))
	state := o.State
	if o.Why != "" {
		state += ": " + o.Why
	}
	fact(cmd, "state", state)
	fact(cmd, "began", instant(o.Began)+" by "+o.By)
	fact(cmd, "reason", o.Reason)
	fact(cmd, "ended", instant(o.Ended))
	fact(cmd, "rate", unless0(o.Rate, "%g a second at most"))
	fact(cmd, "canary", unless0(o.Canary, "%d first"))
	fact(cmd, "messages", fmt.Sprint(o.Total))
	fact(cmd, "done", fmt.Sprint(o.Done))
	fact(cmd, "failed", unless0(o.Failed, "%d, dead letters again"))
	refused := unless0(o.Refused, "%d, still dead letters")
	if o.Refusal != "" {
		refused += ": " + o.Refusal
	}
	fact(cmd, "refused", refused)
	fact(cmd, "gone", unless0(o.Gone, "%d, settled otherwise"))
	fact(cmd, "left", unless0(o.Left, "%d"))
	if o.State == "running" {
		fact(cmd, "speed", unless0(o.Speed, "%.3g a second"))
		fact(cmd, "to go", unless0(o.LeftSeconds, "%d s"))
	}
	fact(cmd, "new", unless0(o.New, "%d since it began, which are not part of it"))
}

func unless0[T int | int64 | float64](n T, format string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(format, n)
}

// selectionText says which dead letters are meant.
func selectionText(s api.Selection) string {
	text := "all"
	add := func(value, format string) {
		if value != "" {
			text += fmt.Sprintf(format, value)
		}
	}
	if len(s.IDs) > 0 {
		text = some64(int64(len(s.IDs)), "ID")
	}
	add(s.Key, " of key %q")
	add(string(s.KeyBase64), " of key %q")
	add(s.Group, " of group %s")
	add(s.Reason, " given up for %s")
	add(instant(s.Since), " since %s")
	add(instant(s.Until), " until %s")
	return text
}

// printOperations tells what became of operations, or that they began.
func printOperations(cmd *cobra.Command, format string, all []api.Operation) error {
	if format != "table" {
		return printAll(cmd, format, append([]api.Operation{}, all...))
	}
	for _, o := range all {
		fmt.Fprintf(cmd.OutOrStdout(), "route %s: %s\n", printable(o.Route), printable(endText(o)))
	}
	return nil
}

var past = map[string]string{"redrive": "redriven", "discard": "discarded", "archive": "archived"}

// endText is an operation in a line.
func endText(o api.Operation) string {
	text := fmt.Sprintf("%s %s is %s: %s of %s %s", o.Action, o.ID, o.State, count(o.Done), count(o.Total), past[o.Action])
	for _, of := range []struct {
		n    int64
		what string
	}{{o.Failed, "failed again"}, {o.Refused, "refused"}, {o.Gone, "settled otherwise"}, {o.Left, "left"}} {
		if of.n > 0 {
			text += fmt.Sprintf(", %s %s", count(of.n), of.what)
		}
	}
	if !o.Ended.IsZero() {
		text += ", in " + lasts(max(o.Ended.Sub(o.Began), time.Second))
	}
	for _, why := range []string{o.Why, o.Refusal} {
		if why != "" {
			text += "; " + why
		}
	}
	return text
}
