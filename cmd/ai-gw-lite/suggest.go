package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// unknownCommand says what may have been meant by a word where a command stands.
// A newcomer puts the configuration there.
func unknownCommand(c *cobra.Command, word string) error {
	what := fmt.Sprintf("unknown command %q for %q", word, c.CommandPath())
	if ext := filepath.Ext(word); ext == ".yaml" || ext == ".yml" {
		return fmt.Errorf("%s; to serve a configuration, say --config %s", what, word)
	}
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(word); len(near) > 0 {
		what += "\n\nDid you mean this?\n\t" + strings.Join(near, "\n\t") + "\n"
	}
	return errors.New(what)
}

// suggestFlag names the flag that an unknown one may have been meant to be, as
// cobra does for commands.
func suggestFlag(c *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	// Cobra finds the nearest name among commands alone.
	names := &cobra.Command{SuggestionsMinimumDistance: 2}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	near := names.SuggestionsFor(unknown.GetSpecifiedName())
	if len(near) == 0 {
		return err
	}
	return fmt.Errorf("%w (did you mean --%s?)", err, near[0])
}
