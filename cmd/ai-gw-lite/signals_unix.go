//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// catchStop catches the signals that end the program.
func catchStop() signals {
	s := signals{stop: make(chan os.Signal, 2)}
	signal.Notify(s.stop, syscall.SIGTERM, os.Interrupt)
	return s
}

// catchSignals catches all that a gateway listens to.
func catchSignals() signals {
	s := catchStop()
	s.reload = make(chan os.Signal, 1)
	signal.Notify(s.reload, syscall.SIGHUP)
	s.upgrade = make(chan os.Signal, 2)
	signal.Notify(s.upgrade, syscall.SIGUSR2)
	return s
}
