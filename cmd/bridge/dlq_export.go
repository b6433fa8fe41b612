package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/client"
)

const exportLong = `Writes dead letters with all that is known of them, byte for byte, one a line as JSON:
text where they are text, else base64. They stay dead letters. What is settled while
it runs may be missing; what is given up meanwhile may be there or not.

A file is there under its name when it is whole. Nobody but you can read it: it
holds the bodies.`

func newDLQExport() *cobra.Command {
	var a ask
	var s selecting
	var out string
	cmd := &cobra.Command{
		Use: "export [SELECTION]", Short: "Write dead letters to a file, whole", Args: cobra.NoArgs, Long: exportLong,
		Example: "  bridge dlq export --out letters.jsonl\n  bridge dlq export --group 4b1d… | jq -r .body.text",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, routes, err := a.reach(cmd)
			if err != nil {
				return err
			}
			if out == "" || out == "-" {
				return export(cmd, c, routes, &s, cmd.OutOrStdout())
			}
			return intoFile(out, func(w io.Writer) error { return export(cmd, c, routes, &s, w) })
		}),
	}
	a.addRoute(cmd)
	cmd.Flags().Lookup("output").Hidden = true // there is one way to write it
	s.add(cmd, &a)
	cmd.Flags().StringVar(&out, "out", "", "`file` to write, which must not be there (default: standard output)")
	_ = cmd.MarkFlagFilename("out", "jsonl") // it fails only for flags that do not exist
	return cmd
}

// export writes the dead letters of routes.
func export(cmd *cobra.Command, c *client.Client, routes []string, s *selecting, w io.Writer) error {
	b := newBar(cmd)
	defer b.end()
	out := &counting{to: w}
	buffered := bufio.NewWriterSize(out, 64<<10)
	n := int64(0)
	for _, route := range routes {
		for letter, err := range c.Export(cmd.Context(), route, s.list()) {
			if err != nil {
				return errors.Join(err, buffered.Flush())
			}
			if err := printJSON(buffered, letter, ""); err != nil {
				return err
			}
			if n++; n%100 == 0 {
				b.show(fmt.Sprintf("%s, %s", some64(n, "dead letter"), size(out.n)), 0, 0)
			}
		}
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	b.end()
	fmt.Fprintf(cmd.ErrOrStderr(), "exported %s, %s\n", some64(n, "dead letter"), size(out.n))
	return nil
}

// counting knows how many bytes went through it.
type counting struct {
	to io.Writer
	n  int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}

// size is a number of bytes as people read large ones.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}

// intoFile writes a file that has its name only when it is whole, and replaces
// none.
func intoFile(name string, write func(io.Writer) error) error {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return &exitError{invalid, fmt.Errorf("%s is there already", name), "--out takes the name of a new file"}
	}
	part := name + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return &exitError{environment, fmt.Errorf("export: %w", err), ""}
	}
	if err := write(f); err != nil {
		return errors.Join(err, f.Close(), os.Remove(part))
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return &exitError{environment, fmt.Errorf("export: %w", err), ""}
	}
	// A link, unlike a rename, replaces nothing that came meanwhile.
	if err := os.Link(part, name); err != nil {
		return &exitError{environment, fmt.Errorf("export: %w", err), part + " has it, whole"}
	}
	return os.Remove(part)
}
