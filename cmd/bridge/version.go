package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when a release is built; else the module's version is used.
var version string

// built says what this program was built from.
type built struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // the working tree differed from the commit
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func (b built) String() string {
	commit := b.Commit
	if len(commit) > 12 {
		commit = commit[:12]
	}
	if commit != "" {
		commit = ", commit " + commit
	}
	if b.Modified {
		commit += " with changes"
	}
	return fmt.Sprintf("%s (%s %s/%s%s)", b.Version, b.Go, b.OS, b.Arch, commit)
}

func readVersion() built {
	b := built{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
		if b.Version == "" {
			b.Version = info.Main.Version
		}
	}
	if b.Version == "" {
		b.Version = "(devel)"
	}
	return b
}

func newVersion() *cobra.Command {
	var output choice
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			if output.value == "json" {
				return printJSON(cmd.OutOrStdout(), readVersion(), "  ")
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "bridge", readVersion())
			return err
		}),
	}
	output.flag(cmd, "output", "o", "how it is written", "text", "json")
	return cmd
}
