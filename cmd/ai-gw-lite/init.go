package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"ai-gw-lite/internal/config"
)

func newInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented starter configuration (default: config.yaml)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := "config.yaml"
			if len(args) == 1 {
				path = args[0]
			}
			return writeStarter(path)
		},
	}
}

// writeStarter never overwrites. The file may come to hold secrets: only its
// owner may read it.
func writeStarter(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return failure(fmt.Errorf("ai-gw-lite: %s exists and is left as it is; name another file", path))
	}
	if err != nil {
		return failure(fmt.Errorf("ai-gw-lite: write starter configuration: %w", err))
	}
	_, err = f.Write(config.Starter())
	if err = errors.Join(err, f.Close()); err != nil {
		return failure(fmt.Errorf("ai-gw-lite: write starter configuration: %w", err))
	}
	fmt.Printf(`wrote %[1]s

next:
  export GW_TOKEN="$(ai-gw-lite token)"    # what your clients will hold
  export OPENAI_API_KEY=... ANTHROPIC_API_KEY=... GEMINI_API_KEY=...
  ai-gw-lite --config %[1]s
`, path)
	return nil
}
