package main

import (
	"errors"
	"os"
	"slices"

	"github.com/spf13/cobra"
)

func newCompletion() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print completions for bash, zsh, fish or powershell",
		Example: `  source <(ai-gw-lite completion bash)
  ai-gw-lite completion zsh > "${fpath[1]}/_ai-gw-lite"
  ai-gw-lite completion fish > ~/.config/fish/completions/ai-gw-lite.fish
  ai-gw-lite completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: shells,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return errors.New("completion: say bash, zsh, fish or powershell")
			}
			return printed("completion", complete(c.Root(), args[0]))
		},
	}
}

func complete(root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(os.Stdout, true)
	case "zsh":
		return root.GenZshCompletion(os.Stdout)
	case "fish":
		return root.GenFishCompletion(os.Stdout, true)
	default:
		return root.GenPowerShellCompletionWithDesc(os.Stdout)
	}
}
