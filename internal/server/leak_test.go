package server

import (
	"runtime"
	"testing"
	"time"
)

// noGoroutineIsLeft fails the test if more goroutines run at its end than at
// its beginning. Call it first, so that every other cleanup has run by then.
func noGoroutineIsLeft(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		if !within(5*time.Second, func() bool { return runtime.NumGoroutine() <= before }) {
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines before the test, %d after it:\n%s",
				before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	})
}

// within asks until the condition holds, or d has passed.
func within(d time.Duration, condition func() bool) bool {
	for end := time.Now().Add(d); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
