// Package ops tests what operators do to a running gateway: the real binary,
// signals, files and clients under load.
package ops
