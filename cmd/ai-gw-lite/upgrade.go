package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ai-gw-lite/internal/process"
)

func newUpgrade() *cobra.Command {
	var path string
	var pid int
	c := &cobra.Command{
		Use:   "upgrade --pid N | --config FILE",
		Short: "Have a running gateway replaced by its executable as it is now",
		Long: `Asks a running gateway to start its executable again, which takes over the
port without closing it, and reports until the old process is gone. A new
process that does not come to serve changes nothing.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if path != "" {
				var err error
				if pid, err = pidOf(path); err != nil {
					return err
				}
			}
			if pid <= 0 {
				return errors.New("which process? Say --pid N, or --config FILE with a pid_file in it")
			}
			if err := askForUpgrade(pid); err != nil {
				return failure(fmt.Errorf("ai-gw-lite: upgrade: %w", err))
			}
			return nil
		},
	}
	c.Flags().IntVar(&pid, "pid", 0, "the gateway's process id `N`")
	c.Flags().StringVar(&path, "config", "", "the configuration `FILE` of the gateway, for its pid_file")
	c.MarkFlagsMutuallyExclusive("pid", "config")
	return c
}

func pidOf(path string) (int, error) {
	c, err := load(path)
	if err != nil {
		return 0, err
	}
	if c.PIDFile == "" {
		return 0, fmt.Errorf("%s has no pid_file: say --pid N", path)
	}
	pid, err := process.ReadPIDFile(c.PIDFile)
	if err != nil {
		return 0, failure(fmt.Errorf("ai-gw-lite: upgrade: %w", err))
	}
	return pid, nil
}

// askForUpgrade prints each step as it comes.
func askForUpgrade(pid int) error {
	var left, reports int // exchanges in the last report, and how many reports said the same
	err := process.Upgrade{
		PID:     pid,
		Serving: func(successor int) { fmt.Printf("process %d serves, process %d drains\n", successor, pid) },
		Draining: func(n int) {
			if reports++; n != left {
				left, reports = n, 1
			}
			switch {
			case n > 0 && reports == 1:
				fmt.Printf("%s still draining\n", count(n, "stream"))
			case n == 0 && reports == 2: // or the process would be gone
				fmt.Println("no stream is left, clients' idle connections may still be used once")
			}
		},
		Broken: func(n int) {
			if n > 0 {
				fmt.Printf("%s broken off at the end of the drain\n", count(n, "stream"))
			}
		},
	}.Run()
	if err == nil {
		fmt.Printf("process %d is gone\n", pid)
	}
	return err
}
