//go:build !linux

package process

// StayAwake does nothing here: what it is for was measured on Linux alone.
func StayAwake() error { return nil }
