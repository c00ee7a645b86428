package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// gateways is AI Gateway Lite, from the given binary or built from the source
// next door: with nothing optional on, watching, and with
// everything on.
func gateways(binary, toolDir string) []*peer {
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
	return []*peer{lightGateway(locate), watchingGateway(locate, "watching.yaml"), fullGateway(locate, "everything-on.yaml")}
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

// fullGateway is the same binary with everything on. Its clients come from a
// web page, so that CORS has something to do.
func fullGateway(locate func() (string, error), config string) *peer {
	p := watchingGateway(locate, config)
	p.name = "gateway-full"
	p.adapt = func(t *target, s site) { t.extra = "Origin: " + clientOrigin + "\r\n" }
	return p
}

// watchingGateway is the same binary with what watches on.
func watchingGateway(locate func() (string, error), config string) *peer {
	return &peer{
		name: "gateway-watching", only: []string{"json", "sse"}, usually: mainWorkloads, plainOnly: true,
		find: func() (string, error) { return gatewayVersion(locate()) },
		command: func(s site) ([]string, []string, error) {
			binary, err := locate()
			if err != nil {
				return nil, nil, err
			}
			path, err := filepath.Abs(config)
			return []string{binary, "--config", path}, []string{
				"BENCH_LISTEN=" + s.listen.String(),
				"BENCH_UPSTREAM=http://" + s.upstream.String(),
				"BENCH_LOGS=" + s.logs(),
			}, err
		},
		verify: observed,
	}
}

const clientOrigin = "https://app.example"

// buildGateway compiles it as it is released.
func buildGateway(toolDir string) (string, error) {
	out := filepath.Join(toolDir, "ai-gw-lite")
	cmd := exec.Command("../tools/build.sh", out, sourceCommit())
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the gateway: %w\n%s", err, text)
	}
	return out, nil
}

func gatewayVersion(path string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return firstLine(path, "version"), nil
}
