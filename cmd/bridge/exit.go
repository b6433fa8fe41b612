package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/config"
)

// The exit codes, which scripts rely on.
const (
	done        = 0
	failed      = 1 // at run time
	invalid     = 2 // command line or topology file
	environment = 3 // a broker, the store or a running bridge is out of reach
)

// exitError is an error with its exit code and what to do about it. Without Err
// everything was said already.
type exitError struct {
	Code int
	Err  error
	Hint string
}

func (e *exitError) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

func (e *exitError) Unwrap() error { return e.Err }

// does makes what a command does its RunE. Its errors are told from those of the
// command line, which come from cobra.
func does(run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := run(cmd, args); err != nil {
			return judge(err)
		}
		return nil
	}
}

// none takes no argument, and says how a file is given.
func none(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("want no argument, not %q: a topology file is given with -c %s", args[0], printable(args[0]))
	}
	return nil
}

// one takes exactly one argument.
func one(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("want one %s, not %d", name, len(args))
		}
		return nil
	}
}

// some takes at least one argument.
func some(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("want at least one %s", name)
		}
		return nil
	}
}

// hints say what to do about a refusal, in the words of the command line.
var hints = map[string]string{
	api.Passed:     "--out-of-order sends it all the same: consumers see it behind the later ones",
	api.Refused:    "--out-of-order sends it all the same, beside the order",
	api.NotBlocked: "bridge explain KEY says how the key stands",
	api.NotALetter: "bridge explain KEY says what is missing; bridge keys skip KEY --to REV goes on without it",
	api.TooFar:     "bridge explain KEY says how far it may go",
	api.KeyBusy:    "try again in a moment",
	api.NotRunning: "bridge routes ls says how the route is doing",

	api.Unauthorized: "give a token in the variable " + tokenVariable + ", or with --token-file FILE",
	api.Forbidden:    "ask with a token that has it, or whoever has one; admin.tokens in the topology file says who",
	api.LockedOut:    "try again in a minute, with the right token in " + tokenVariable + " or --token-file FILE",
	api.ReadOnly:     "admin.read_only is set in the topology file of the bridge",
	api.BadHost:      "admin.hosts in the topology file has the names that it takes, beside localhost and its addresses",

	api.OperationOver:     "bridge ops show ID says how it ended",
	api.PayloadsForbidden: "a token with payloads: full in admin.tokens of the topology file may",
	api.EditOff:           "dead_letter: { edit: true } of the route in the topology file allows it, after a restart",
	api.EditRefused:       "--raw takes a body that is no JSON; another key or revision is a message of its own",

	api.OffsetNotAccepted: "--accept-offset takes them as they are, once; be sure that they are right",
	api.Timeout:           "bridge audit ls says what was done",
}

// judge finds the exit code and the hint of an error.
func judge(err error) error {
	var known *exitError
	var answered *api.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled):
		return &exitError{Code: failed, Err: errors.New("interrupted")}
	case errors.Is(err, client.ErrUnreachable):
		return &exitError{environment, err, unanswered(err)}
	case errors.As(err, &answered):
		code := failed
		if answered.Code == api.BadRequest || answered.Code == api.UnknownRoute {
			code = invalid
		}
		return &exitError{Code: code, Err: errors.New(answered.Message), Hint: hints[answered.Code]}
	}
	if faults, ok := errors.AsType[config.Faults](err); ok {
		return &exitError{Code: invalid, Err: faults}
	}
	return &exitError{Code: failed, Err: err}
}

// about says what an error is about.
func about(what string, err error) error {
	e, ok := errors.AsType[*exitError](judge(err))
	if !ok || e.Err == nil {
		return err
	}
	return &exitError{e.Code, fmt.Errorf("%s: %w", what, e.Err), e.Hint}
}

// report says an error once and returns its exit code.
func report(w io.Writer, cmd *cobra.Command, err error) int {
	if err == nil {
		return done
	}
	var e *exitError
	if !errors.As(err, &e) {
		e = &exitError{invalid, err, cmd.CommandPath() + " --help says more"}
	}
	if faults, ok := errors.AsType[config.Faults](e.Err); ok {
		fmt.Fprint(w, lines(faults.Report()))
		return e.Code
	}
	if e.Err != nil {
		// Cobra's own messages end in suggestions and blank lines.
		fmt.Fprintf(w, "bridge: %s\n", lines(strings.TrimSpace(e.Error())))
	}
	if e.Hint != "" {
		fmt.Fprintf(w, "  %s\n", lines(e.Hint))
	}
	return e.Code
}
