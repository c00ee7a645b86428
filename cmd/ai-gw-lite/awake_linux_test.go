//go:build !race

package main

import (
	"bytes"
	"strings"
	"testing"
)

// That streams cost more than they need to is said at the level that was
// configured: nothing is known of it when it is found out.
func TestMonitorThatSleepsIsSaidAtDebug(t *testing.T) {
	var stderr bytes.Buffer
	p := serveProgram(t, `
gateway_auth: {tokens: [secret]}
routes: [{id: a, prefix: /a, upstream: {base_url: "http://127.0.0.1:9"}}]
observability: {logging: {level: debug, format: text}}
`, nil, &stderr, "AI_GW_LITE_STDERR=nonsense")
	p.terminate()
	if !strings.Contains(stderr.String(), "monitor is not kept awake") {
		t.Errorf("it is not said:\n%s", &stderr)
	}
}
