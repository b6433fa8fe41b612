package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/config"
)

const schemaLong = `Prints the JSON Schema of the topology file, by which editors complete and check
it. Keep it beside the file and name it in the first line:

  # yaml-language-server: $schema=bridge.schema.json`

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the topology file", Long: schemaLong, Args: cobra.NoArgs,
		Example: "  bridge schema > bridge.schema.json",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			doc, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.TrimRight(string(doc), "\n"))
			return err
		}),
	}
}
