package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// portkey is the AI gateway on Node, from `npm install -g @portkey-ai/gateway`
// or a folder named by PORTKEY_DIR that has it in node_modules. It checks no
// token: the client brings the provider's key and names the upstream, and
// there is no prefix to strip. It knows no path but those of the providers' APIs,
// so that it takes part with JSON alone.
func portkey() *peer {
	var script string
	p := &peer{name: "portkey", only: []string{"json"}, usually: mainWorkloads, plainOnly: true, trusting: true}
	p.find = func() (string, error) {
		if _, err := exec.LookPath("node"); err != nil {
			return "", fmt.Errorf("node is not installed")
		}
		root := filepath.Join(os.Getenv("PORTKEY_DIR"), "node_modules")
		if os.Getenv("PORTKEY_DIR") == "" {
			out, err := exec.Command("npm", "root", "-g").Output()
			if err != nil {
				return "", fmt.Errorf("npm is not installed")
			}
			root = strings.TrimSpace(string(out))
		}
		script = filepath.Join(root, "@portkey-ai/gateway/build/start-server.js")
		if _, err := os.Stat(script); err != nil {
			return "", fmt.Errorf("@portkey-ai/gateway is not installed")
		}
		version := firstLine("node", "-p", fmt.Sprintf("require(%q).version", filepath.Join(root, "@portkey-ai/gateway/package.json")))
		return "portkey " + version + " on node " + firstLine("node", "--version"), nil
	}
	p.command = func(s site) ([]string, []string, error) {
		return []string{"node", script, fmt.Sprintf("--port=%d", s.listen.Port()), "--headless"}, []string{"NODE_ENV=production"}, nil
	}
	p.adapt = func(t *target, s site) {
		t.prefix, t.auth = "", providerKey
		t.extra = fmt.Sprintf("X-Portkey-Provider: openai\r\nX-Portkey-Custom-Host: http://%s/v1\r\n", s.upstream)
	}
	return p
}
