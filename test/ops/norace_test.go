//go:build unix && !race

package ops

const raceEnabled = false
