// Command ai-gw-lite is a gateway in front of AI APIs: one binary, one YAML
// file. It parses the command line and wires the rest.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes. 0 is a clean stop.
const (
	exitFailure = 1 // at run time: a port that is taken
	exitUsage   = 2 // bad usage, bad configuration
)

// exitError ends the program with a code of its own.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }

func failure(err error) error { return exitError{exitFailure, err} }

func main() {
	// A reader of our output that has gone away must not take the gateway along.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	command, err := root.ExecuteC()
	if err == nil {
		return 0
	}
	var exit exitError
	if errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, exit.err)
		return exit.code
	}
	fmt.Fprintf(os.Stderr, "ai-gw-lite: %v\nTry '%s --help'.\n", err, command.CommandPath())
	return exitUsage
}

func newRoot() *cobra.Command {
	var path string
	root := &cobra.Command{
		Use:   "ai-gw-lite --config FILE",
		Short: "A gateway in front of AI APIs",
		Long: `ai-gw-lite stands in front of AI APIs. Clients hold a gateway token; provider
keys stay here. It streams both ways without changing a byte.

  ai-gw-lite demo              see it work, no key needed
  ai-gw-lite init              write a starter config.yaml
  ai-gw-lite --config FILE     serve (same as: ai-gw-lite serve --config FILE)`,
		Version:       versionText(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			return serve(path)
		},
	}
	root.Flags().StringVar(&path, "config", "", "the configuration `FILE`")
	root.AddCommand(newServe(), newCheck(), newInit(), newToken(), newDemo(), newMock(), newHealthcheck(), newTop(), newUpgrade(), newVersion(), newCompletion())
	root.SetHelpCommand(newHelp())
	root.SetFlagErrorFunc(suggestFlag)
	return root
}

// withConfig adds the flag that names the configuration file.
func withConfig(c *cobra.Command, run func(path string) error) *cobra.Command {
	var path string
	c.Args = func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return nil
		case path == "":
			return fmt.Errorf("%s is no argument of %s: name the configuration with --config %[1]s", args[0], c.Name())
		}
		return fmt.Errorf("%s takes no arguments: %s", c.Name(), args[0])
	}
	c.Flags().StringVar(&path, "config", "", "the configuration `FILE`")
	c.RunE = func(*cobra.Command, []string) error { return run(path) }
	return c
}
