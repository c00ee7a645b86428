package main

import (
	"os"
	"strings"
	"testing"
)

// A pipe that nobody reads takes 64 KiB, the gateway's own queue a thousand
// lines. What comes after that must not hold up who prints it.
func TestBlockedStderrNeitherStopsNorSlowsTheGateway(t *testing.T) {
	reader, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer stderr.Close()
	p := serveProgram(t, `
gateway_auth: {tokens: [gw_token]}
routes: [{id: `+strings.Repeat("nobody", 100)+`, prefix: /, upstream: {base_url: "http://127.0.0.1:1"}}]
`, nil, stderr)
	const request = "GET /x HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer gw_token\r\nConnection: close\r\n\r\n"
	for range 1500 { // with a line of some 800 bytes each
		if answer := p.say(request); !strings.HasPrefix(answer, "HTTP/1.1 502 ") {
			t.Fatalf("got %q, want a 502", answer)
		}
	}
	p.terminate()
}
