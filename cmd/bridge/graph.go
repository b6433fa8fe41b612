package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/config/graph"
)

const graphLong = `Draws a topology file without connecting to anything: its brokers, what routes
read and publish to there, and where copies of dead letters go (dashed).

mermaid is what GitHub and many editors draw, dot is for Graphviz, text is for
the terminal.`

func newGraph() *cobra.Command {
	var file fileFlag
	var output choice
	cmd := &cobra.Command{
		Use: "graph", Short: "Draw a topology file", Long: graphLong, Args: none,
		Example: "  bridge graph -o text\n  bridge graph -o dot | dot -Tsvg > bridge.svg",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			f, err := check(file)
			if err != nil {
				return err
			}
			return draw(cmd.OutOrStdout(), output.value, graph.Of(f))
		}),
	}
	file.add(cmd)
	output.flag(cmd, "output", "o", "how it is drawn", "mermaid", "dot", "text")
	return cmd
}

func draw(out io.Writer, format string, g graph.Graph) error {
	switch format {
	case "dot":
		return graph.DOT(out, g)
	case "text":
		return graph.Text(out, g, printable)
	default:
		return graph.Mermaid(out, g)
	}
}
