//go:build race

package process

const underRace = true
