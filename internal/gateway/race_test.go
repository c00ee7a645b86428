//go:build race

package gateway

// raceDetector says that allocations cannot be counted: sync.Pool drops things
// at random under it.
const raceDetector = true
