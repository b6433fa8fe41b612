package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

const manLong = `Writes a man page for each command into a directory, which is made if it is
missing. The same version writes the same pages; SOURCE_DATE_EPOCH sets their date.`

func newMan() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the man pages", Long: manLong, Args: one("DIR"),
		Example: "  bridge man /usr/local/share/man/man1",
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return writeMan(cmd.Root(), args[0])
		}),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
}

func writeMan(root *cobra.Command, dir string) error {
	date, err := manDate()
	if err != nil {
		return &exitError{invalid, err, "it counts seconds since 1970"}
	}
	//nolint:gosec // what everybody may read
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &exitError{environment, fmt.Errorf("write man pages: %w", err), ""}
	}
	root.DisableAutoGenTag = true // it has today's date
	tellChoices(root)
	header := &doc.GenManHeader{Section: "1", Date: &date, Source: "bridge " + readVersion().Version, Manual: "bridge"}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return &exitError{environment, fmt.Errorf("write man pages: %w", err), ""}
	}
	return nil
}

// manDate is fixed, if nobody says otherwise: pages that are made twice do not
// differ. The version beside it says more.
func manDate() (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// tellChoices puts the values of flags into what is said of them: help shows
// them as the type, which man pages leave out.
func tellChoices(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if c, ok := f.Value.(*choice); ok {
			f.Usage += ": " + strings.Join(c.of, ", ")
		}
	})
	for _, below := range cmd.Commands() {
		tellChoices(below)
	}
}
