package main

import "fmt"

// caddy as `go install github.com/caddyserver/caddy/v2/cmd/caddy@latest`
// builds it. A route keeps its directives in the order written; elsewhere Caddy
// would answer from upstream before it looked at the token.
func caddy() *peer {
	var program string
	p := &peer{name: "caddy", usually: mainWorkloads}
	p.find = func() (version string, err error) {
		program, err = lookProgram("caddy")
		if err != nil {
			return "", err
		}
		return moduleVersion(program), nil
	}
	p.command = func(s site) ([]string, []string, error) {
		address, tls := fmt.Sprintf("http://:%d", s.listen.Port()), ""
		if s.cert != nil {
			address = fmt.Sprintf("https://:%d", s.listen.Port())
			tls = fmt.Sprintf("tls %s %s", s.cert.certPath, s.cert.keyPath)
		}
		path, err := s.write("Caddyfile", caddyConfig, address, tls, s.upstream, providerKey, clientToken)
		env := []string{"XDG_DATA_HOME=" + s.dir, "XDG_CONFIG_HOME=" + s.dir}
		return []string{program, "run", "--config", path, "--adapter", "caddyfile"}, env, err
	}
	return p
}

const caddyConfig = `{
	admin off
	persist_config off
	auto_https disable_redirects
	log {
		level ERROR
	}
}
%[1]s {
	bind 127.0.0.1
	%[2]s
	@unknown not header Authorization "%[5]s"
	route {
		respond @unknown 401
		uri strip_prefix /openai
		reverse_proxy %[3]s {
			header_up Authorization "%[4]s"
			flush_interval -1
			transport http {
				compression off
				keepalive 1h
				keepalive_idle_conns 1024
				keepalive_idle_conns_per_host 1024
			}
		}
	}
}
`
