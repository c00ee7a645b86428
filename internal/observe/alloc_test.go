//go:build !race

package observe

import "testing"

// With the race detector a sync.Pool forgets at random.
func TestAnExchangeLikeTheLastNeedsNoMemory(t *testing.T) {
	exchange := jsonExchange(quietObservatory(t, withMetrics()))
	for range 1000 {
		exchange() // room for the lines
	}
	if n := testing.AllocsPerRun(1000, exchange); n != 0 {
		t.Errorf("an exchange allocates %v times", n)
	}
}
