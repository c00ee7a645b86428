package main

import (
	"os"
	"os/signal"
	"syscall"
)

// catchStop catches Ctrl-C and Ctrl-Break, and the closing of the console,
// which Go calls SIGTERM. There is nothing else to catch.
func catchStop() signals {
	s := signals{stop: make(chan os.Signal, 2)}
	signal.Notify(s.stop, os.Interrupt, syscall.SIGTERM)
	return s
}

func catchSignals() signals { return catchStop() }
