package main

import (
	"errors"
	"fmt"
	"syscall"
)

// printed judges the writing of what a command was asked for. A reader who has
// seen enough and left is no failure.
func printed(command string, err error) error {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return failure(fmt.Errorf("ai-gw-lite: %s: %w", command, err))
}
