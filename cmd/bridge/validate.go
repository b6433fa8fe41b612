package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/config"
)

const validateLong = `Checks a topology file without connecting to anything: its grammar, what its
settings say together, and whether this release can run it. All faults are
reported at once, each with file, line and column, on standard error; with
-o json on standard output. What the file gives up with client: watermill is
listed in notes: such a file is valid.`

func newValidate() *cobra.Command {
	var file fileFlag
	var output choice
	cmd := &cobra.Command{
		Use: "validate", Aliases: []string{"lint"}, Short: "Check a topology file", Long: validateLong, Args: none,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			f, err := check(file)
			if output.value == "json" {
				return verdictJSON(cmd, file.path, f, err)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is valid: it runs %s\n", printable(file.path), strings.Join(routeNames(f), ", "))
			for _, note := range config.GivenUp(f) {
				fmt.Fprintf(cmd.OutOrStdout(), "note: %s\n", printable(note.Error()))
			}
			return nil
		}),
	}
	file.add(cmd)
	output.flag(cmd, "output", "o", "how the result is written", "text", "json")
	return cmd
}

// check reads a file and asks whether this release can run it.
func check(file fileFlag) (*config.File, error) {
	f, err := file.load()
	if err != nil {
		return nil, err
	}
	if faults := config.Unavailable(f); len(faults) > 0 {
		return nil, faults
	}
	return f, nil
}

func routeNames(f *config.File) (names []string) {
	for _, r := range f.Routes {
		names = append(names, r.Name)
	}
	return names
}

// verdict is what validate -o json says.
type verdict struct {
	File   string      `json:"file"`
	Valid  bool        `json:"valid"`
	Routes []string    `json:"routes,omitempty"`
	Faults []fileFault `json:"faults"`
	Notes  []fileFault `json:"notes,omitempty"` // what the file gives up
}

// fileFault is a fault of a file. Line and column count from 1; 0 is the whole file.
type fileFault struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Excerpt string `json:"excerpt,omitempty"`
}

func verdictJSON(cmd *cobra.Command, path string, f *config.File, err error) error {
	v := verdict{File: path, Valid: err == nil, Faults: []fileFault{}}
	if err == nil {
		v.Routes, v.Notes = routeNames(f), fileFaults(config.GivenUp(f))
		return printJSON(cmd.OutOrStdout(), v, "  ")
	}
	faults, ok := errors.AsType[config.Faults](err)
	if !ok {
		return err // there is no file to have faults
	}
	v.Faults = fileFaults(faults)
	return errors.Join(printJSON(cmd.OutOrStdout(), v, "  "), &exitError{Code: invalid})
}

func fileFaults(faults config.Faults) (all []fileFault) {
	for _, f := range faults {
		all = append(all, fileFault{f.Line, f.Col, f.Path, f.Msg, f.Hint, f.Excerpt()})
	}
	return all
}
