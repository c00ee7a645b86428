package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// gateways is AI Gateway Lite, from the given binary or built from the source
// next door: with nothing optional on, and, if there is a config for it, with
// everything on.
func gateways(binary, fullConfig, toolDir string) []*peer {
	locate := sync.OnceValues(func() (string, error) {
		if binary == "" {
			return buildGateway(toolDir)
		}
		path, err := filepath.Abs(binary)
		if err == nil {
			_, err = os.Stat(path)
		}
		return path, err
	})
	peers := []*peer{lightGateway(locate)}
	if fullConfig != "" {
		peers = append(peers, fullGateway(locate, fullConfig))
	}
	return peers
}

func lightGateway(locate func() (string, error)) *peer {
	return &peer{
		name: "gateway",
		find: func() (string, error) { return gatewayVersion(locate()) },
		command: func(s site) ([]string, []string, error) {
			tls := ""
			if s.cert != nil {
				tls = fmt.Sprintf("inbound_tls: {cert_path: %q, key_path: %q}\n", s.cert.certPath, s.cert.keyPath)
			}
			binary, err := locate()
			if err != nil {
				return nil, nil, err
			}
			path, err := s.write("gateway.yaml", gatewayConfig, s.listen, tls, s.upstream, providerKey)
			return []string{binary, "--config", path}, nil, err
		},
	}
}

const gatewayConfig = `listen: "%s"
%sgateway_auth: {tokens: ["gw_bench"]}
routes:
  - id: openai
    prefix: /openai
    upstream:
      base_url: "http://%s"
      request_timeout_ms: 600000
      inject_headers: [{name: authorization, value: "%s"}]
`

// fullGateway runs a config of the caller's, which is given the addresses
// through the environment. It must serve /openai to the token gw_bench over
// plain HTTP and inject the provider's key, as the other one does.
func fullGateway(locate func() (string, error), config string) *peer {
	return &peer{
		name: "gateway-full", only: []string{"json", "sse"}, plainOnly: true,
		find: func() (string, error) {
			if _, err := os.Stat(config); err != nil {
				return "", err
			}
			return gatewayVersion(locate())
		},
		command: func(s site) ([]string, []string, error) {
			binary, err := locate()
			if err != nil {
				return nil, nil, err
			}
			path, err := filepath.Abs(config)
			env := []string{"BENCH_LISTEN=" + s.listen.String(), "BENCH_UPSTREAM=http://" + s.upstream.String()}
			return []string{binary, "--config", path}, env, err
		},
	}
}

// buildGateway compiles it as it is released.
func buildGateway(toolDir string) (string, error) {
	out := filepath.Join(toolDir, "ai-gw-lite")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "./cmd/ai-gw-lite")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the gateway: %w\n%s", err, text)
	}
	return out, nil
}

// gatewayVersion is what the program says, with the commit of the source tree.
func gatewayVersion(path string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	version := firstLine(path, "version")
	if commit, err := exec.Command("git", "describe", "--always", "--dirty").Output(); err == nil {
		version += " (source tree at " + strings.TrimSpace(string(commit)) + ")"
	}
	return version, nil
}
