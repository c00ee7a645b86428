//go:build unix && race

package ops

const raceEnabled = true
