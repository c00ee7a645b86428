package main

import "os"

// signals is what the operator says to the process. A nil channel says nothing.
type signals struct {
	stop, reload, upgrade chan os.Signal
}
