//go:build unix

package process

import (
	"errors"
	"fmt"
	"syscall"
)

// askForUpgrade sends the signal.
func askForUpgrade(pid int) error {
	err := syscall.Kill(pid, 0)
	switch {
	case errors.Is(err, syscall.ESRCH):
		return fmt.Errorf("there is no process %d", pid)
	case err == nil && !takesSignal(pid, syscall.SIGUSR2):
		return fmt.Errorf("process %d is no gateway, or one that has only just been started: it does not catch SIGUSR2", pid)
	case err == nil:
		err = syscall.Kill(pid, syscall.SIGUSR2)
	}
	if err != nil {
		return fmt.Errorf("asking process %d: %w", pid, err)
	}
	return nil
}
