package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/doctor"
)

const doctorLong = `Reads a topology file, connects to its brokers and looks at its store, and says
what will go wrong before a message moves: what it found, why that hurts, and
what to do. Each finding has a code, which docs/doctor.md explains.

It changes nothing: nothing is declared, read, published or committed, and no
consumer group is joined. It may run beside the bridge.

It ends with 0 if nothing is found that is worse than --fail-on allows, with 1
if something is, and with 2 if the file is invalid.`

func newDoctor() *cobra.Command {
	var file fileFlag
	var output, failOn choice
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look at the brokers before a message moves", Long: doctorLong, Args: none,
		Example: "  bridge doctor -c bridge.yaml\n  bridge doctor --fail-on warning -o json",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			if timeout <= 0 {
				return &exitError{invalid, fmt.Errorf("--timeout is %v: want more than 0", timeout), ""}
			}
			f, err := check(file)
			if err != nil {
				return err
			}
			report := bridge.Examine(cmd.Context(), f, timeout)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if output.value == "json" {
				if err := printJSON(cmd.OutOrStdout(), report, "  "); err != nil {
					return err
				}
			} else {
				tell(cmd.OutOrStdout(), report)
			}
			if fails(report, failOn.value) {
				return &exitError{Code: failed}
			}
			return nil
		}),
	}
	file.add(cmd)
	output.flag(cmd, "output", "o", "how the result is written", "text", "json")
	failOn.flag(cmd, "fail-on", "", "the least that ends with 1", "error", "warning", "never")
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long each broker may take")
	return cmd
}

// fails reports whether there is something that a command line wants to hear of.
func fails(r doctor.Report, on string) bool {
	switch on {
	case "never":
		return false
	case "warning":
		return r.Count(doctor.Warning)+r.Count(doctor.Error) > 0
	default:
		return r.Count(doctor.Error) > 0
	}
}

// placeOf is where the file has what is found; the file, where it does not have it.
func placeOf(r doctor.Report, f doctor.Finding) string {
	if f.Line == 0 {
		return r.File
	}
	return fmt.Sprintf("%s:%d:%d", r.File, f.Line, f.Column)
}

// tell writes a report for people: by broker, and below it by route.
func tell(out io.Writer, r doctor.Report) {
	head := ""
	for _, f := range r.Findings {
		if h := heading(f); h != head {
			head = h
			fmt.Fprintf(out, "%s\n", printable(h))
		}
		fmt.Fprintf(out, "  %-7s  %s  %s\n", f.Severity, f.Code, printable(placeOf(r, f)))
		fmt.Fprintf(out, "           %s\n", printable(f.Found))
		if f.Severity != doctor.Note {
			fmt.Fprintf(out, "           why: %s\n", printable(f.Why))
		}
		if f.Do != "" {
			fmt.Fprintf(out, "           do:  %s\n", printable(f.Do))
		}
	}
	if len(r.Findings) > 0 {
		fmt.Fprintln(out)
	}
	var counts []string
	for _, s := range doctor.Severities {
		n := r.Count(s)
		plural := "s"
		if n == 1 {
			plural = ""
		}
		counts = append(counts, fmt.Sprintf("%d %s%s", n, s, plural))
	}
	fmt.Fprintf(out, "%s: %s\n", printable(r.File), strings.Join(counts, ", "))
}

func heading(f doctor.Finding) string {
	switch {
	case f.Broker == "":
		return "store"
	case f.Route == "":
		return "broker " + f.Broker
	default:
		return "broker " + f.Broker + ", route " + f.Route
	}
}
