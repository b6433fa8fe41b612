package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

const long = `Moves messages between brokers, per key in revision order.

A message that fails gets bounded tries and then becomes a dead letter that you
can see; its successors wait until you send it again at its place in the order,
or give it up. Nothing is requeued blindly.

Exit codes: 0 done, 1 failed at run time, 2 invalid input or topology file,
3 environment: a broker, the store or a running bridge is out of reach.`

// execute runs a command line and returns the exit code.
func execute(ctx context.Context, args []string, out, errOut io.Writer) int {
	ctx, after := withEndings(ctx)
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	cmd, err := root.ExecuteContextC(ctx)
	if ended := after.end(); err == nil && ended != nil {
		err = judge(ended)
	}
	return report(errOut, cmd, err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "bridge",
		Short:         "Moves messages between brokers, per key in revision order",
		Long:          long,
		Version:       readVersion().String(),
		SilenceErrors: true, // report says them, once
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("bridge {{.Version}}\n")
	root.AddCommand(
		newRun(), newDemo(), newValidate(), newDoctor(), newGraph(), newSchema(),
		newRoutes(), newKeys(), newDLQ(), newArchive(), newOps(), newExplain(), newSearch(), newAudit(), newTop(), newStore(),
		newVersion(), newCompletion(), newMan(),
	)
	return root
}

// newGroup is a command that only holds others.
func newGroup(use, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(commands...)
	return group
}
