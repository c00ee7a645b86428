package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func newTop() *cobra.Command {
	var file, at, token string
	c := &cobra.Command{
		Use:   "top --config FILE",
		Short: "Watch the exchanges in flight, as a table that is drawn anew each second",
		Long: `top asks the admin API of a running gateway for the exchanges in flight. It
draws a table until Ctrl-C, or prints it once if it does not write to a
terminal.

  ai-gw-lite top --config FILE
  GW_ADMIN_TOKEN=… ai-gw-lite top --url https://gateway.example/admin`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&file, "config", "", "the running gateway's configuration `FILE`")
	c.Flags().StringVar(&at, "url", "", "the `URL` of an admin API elsewhere, its path prefix included")
	c.Flags().StringVar(&token, "token", "", "its `TOKEN`; better in the environment as GW_ADMIN_TOKEN")
	c.MarkFlagsMutuallyExclusive("config", "url")
	c.RunE = func(*cobra.Command, []string) error {
		a, err := findAdmin(file, at, token)
		if err != nil {
			return err
		}
		if err := a.top(os.Stdout); err != nil {
			return failure(fmt.Errorf("ai-gw-lite: top: %w", err))
		}
		return nil
	}
	return c
}

// top prints the table once, or draws it until it is told to stop.
func (a *admin) top(out *os.File) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	size, ok := terminal(out)
	if ok {
		return a.watch(ctx, out, size)
	}
	list, err := a.streams(ctx)
	if err != nil {
		return err
	}
	return writeTable(out, list, 0)
}
