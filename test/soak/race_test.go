//go:build race

package soak

func init() { buildFlags = append(buildFlags, "-race") }
