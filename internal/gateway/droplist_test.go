package gateway

import "testing"

func TestDropListKnowsEverySpelling(t *testing.T) {
	var d dropList
	d.add("X-Api-Key", "_odd", "cookie")
	for name, want := range map[string]bool{
		"x-api-key": true, "X_Api_Key": true, "X-API_KEY": true, "-odd": true, "_ODD": true, "Cookie": true,
		"x-api-keys": false, "xapikey": false, "": false, "cookie2": false, "dookie": false,
	} {
		if got := d.holds([]byte(name)); got != want {
			t.Errorf("%q is held: %v, want %v", name, got, want)
		}
	}
}
