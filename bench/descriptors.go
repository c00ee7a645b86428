package main

import "syscall"

// raiseFileLimit lets this process and those it starts have want descriptors,
// and returns how many that became. Setting the limit also makes Go hand it
// on to children.
func raiseFileLimit(want uint64) uint64 {
	var limit syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	raised := syscall.Rlimit{Cur: want, Max: max(want, limit.Max)}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil { // root
		return want
	}
	limit.Cur = min(want, limit.Max)
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	return limit.Cur
}
