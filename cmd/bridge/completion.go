package main

import (
	"io"

	"github.com/spf13/cobra"
)

const completionLong = `Prints what makes a shell complete commands, flags, their values, topology files
and the names of routes. The line for the start file of your shell:

    bash        source <(bridge completion bash)
    zsh         source <(bridge completion zsh)
    fish        bridge completion fish | source
    powershell  bridge completion powershell | Out-String | Invoke-Expression

bash needs the package bash-completion, zsh its compinit before that line.`

// newCompletion takes the place of cobra's own command, whose help is a page for
// each shell.
func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print what makes a shell complete commands",
		Long: completionLong, Args: cobra.MatchAll(one("SHELL"), cobra.OnlyValidArgs),
		ValidArgs: []cobra.Completion{"bash", "zsh", "fish", "powershell"},
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return completion(cmd.OutOrStdout(), cmd.Root(), args[0])
		}),
	}
}

func completion(out io.Writer, root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(out, true)
	case "zsh":
		return root.GenZshCompletion(out)
	case "fish":
		return root.GenFishCompletion(out, true)
	default:
		return root.GenPowerShellCompletionWithDesc(out)
	}
}

// completeRoute is routesOfFile for the one argument of a command.
func completeRoute(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return routesOfFile(cmd, args, typed)
}

// routesOfFile does not ask a running bridge: nobody waits for a key press. A
// file that cannot be read completes nothing.
func routesOfFile(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	path, _ := cmd.Flags().GetString("config")
	f, err := (&fileFlag{path}).load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return routeNames(f), cobra.ShellCompDirectiveNoFileComp
}
