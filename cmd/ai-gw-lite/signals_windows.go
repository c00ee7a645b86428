package main

import (
	"os"
	"os/signal"
)

// catchStop catches Ctrl-C and Ctrl-Break, the only ones there are.
func catchStop() signals {
	s := signals{stop: make(chan os.Signal, 2)}
	signal.Notify(s.stop, os.Interrupt)
	return s
}

func catchSignals() signals { return catchStop() }
