package main

import "fmt"

// traefik, version 3. Its rules check the token.
func traefik() *peer {
	var program string
	p := &peer{name: "traefik"}
	p.find = func() (version string, err error) {
		program, err = lookProgram("traefik")
		if err != nil {
			return "", err
		}
		return moduleVersion(program), nil
	}
	p.command = func(s site) ([]string, []string, error) {
		routerTLS, certificates := "", ""
		if s.cert != nil {
			routerTLS = "tls: {}"
			certificates = fmt.Sprintf("tls: {certificates: [{certFile: %q, keyFile: %q}]}", s.cert.certPath, s.cert.keyPath)
		}
		routes, err := s.write("routes.yaml", traefikRoutes, s.upstream, providerKey, clientToken, routerTLS, certificates)
		if err != nil {
			return nil, nil, err
		}
		path, err := s.write("traefik.yaml", traefikConfig, s.listen, routes)
		return []string{program, "--configFile=" + path}, nil, err
	}
	return p
}

const traefikConfig = `global: {checkNewVersion: false, sendAnonymousUsage: false}
log: {level: ERROR}
entryPoints:
  clients:
    address: "%[1]s"
    transport: {respondingTimeouts: {readTimeout: 0, idleTimeout: 1h}}
serversTransport: {maxIdleConnsPerHost: 1024}
providers: {file: {filename: "%[2]s", watch: false}}
`

const traefikRoutes = "http:\n" +
	"  routers:\n" +
	"    openai:\n" +
	"      rule: 'PathPrefix(`/openai/`) && Header(`Authorization`, `%[3]s`)'\n" +
	"      service: provider\n" +
	"      middlewares: [strip, key]\n" +
	"      %[4]s\n" +
	"  middlewares:\n" +
	"    strip: {stripPrefix: {prefixes: [/openai]}}\n" +
	"    key: {headers: {customRequestHeaders: {Authorization: '%[2]s'}}}\n" +
	"  services:\n" +
	"    provider: {loadBalancer: {responseForwarding: {flushInterval: -1ms}, servers: [{url: 'http://%[1]s'}]}}\n" +
	"%[5]s\n"
