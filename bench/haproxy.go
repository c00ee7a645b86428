package main

import (
	"fmt"
	"strings"
)

// haproxy with one thread.
func haproxy() *peer {
	var program string
	p := &peer{name: "haproxy"}
	p.find = func() (version string, err error) {
		program, err = lookProgram("haproxy")
		if err != nil {
			return "", err
		}
		version, _, _ = strings.Cut(firstLine(program, "-v"), " - ") // then its address
		return version, nil
	}
	p.command = func(s site) ([]string, []string, error) {
		bind := s.listen.String() + " backlog 4096"
		if s.cert != nil {
			bind += fmt.Sprintf(" ssl crt %s alpn h2,http/1.1", s.cert.bothPath)
		}
		path, err := s.write("haproxy.cfg", haproxyConfig, bind, s.upstream, providerKey, clientToken)
		return []string{program, "-db", "-f", path}, nil, err
	}
	return p
}

const haproxyConfig = `global
    nbthread 1
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256

defaults
    mode http
    option http-no-delay
    option abortonclose
    http-reuse always
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h

frontend clients
    bind %[1]s
    acl known req.hdr(authorization) -m str "%[4]s"
    acl ours path_beg /openai/
    http-request deny deny_status 401 unless known
    http-request deny deny_status 404 unless ours
    http-request set-path %%[path,bytes(7)]
    http-request set-header authorization "%[3]s"
    default_backend provider

backend provider
    server provider %[2]s pool-max-conn -1 pool-purge-delay 1h
`
