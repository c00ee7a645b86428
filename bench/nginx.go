package main

import (
	"fmt"
	"strings"
)

// nginx with one worker. Its buffer for an unbuffered answer stays at the
// default, one page: a larger one helps big downloads and costs memory for
// every stream. Of its connections it keeps a sixteenth free, by closing idle
// ones: with 20,000 it could not hold 10,000 streams.
func nginx() *peer {
	var program string
	p := &peer{name: "nginx"}
	p.find = func() (version string, err error) {
		program, err = lookProgram("nginx")
		if err != nil {
			return "", err
		}
		return strings.TrimPrefix(firstLine(program, "-v"), "nginx version: "), nil
	}
	p.command = func(s site) ([]string, []string, error) {
		listen := s.listen.String() + " backlog=4096"
		if s.cert != nil {
			listen = fmt.Sprintf(`%s ssl http2;
        ssl_certificate %s;
        ssl_certificate_key %s;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        ssl_protocols TLSv1.2 TLSv1.3`, listen, s.cert.certPath, s.cert.keyPath)
		}
		path, err := s.write("nginx.conf", nginxConfig, listen, s.upstream, providerKey, clientToken)
		return []string{program, "-p", s.dir, "-c", path, "-e", "stderr"}, nil, err
	}
	return p
}

const nginxConfig = `worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 24000; }
http {
    access_log off;
    server_tokens off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 0;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    upstream provider {
        server %[2]s;
        keepalive 1024;
        keepalive_timeout 1h;
        keepalive_requests 1000000000;
    }
    server {
        listen %[1]s;
        location /openai/ {
            if ($http_authorization != "%[4]s") { return 401; }
            proxy_pass http://provider/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Authorization "%[3]s";
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_connect_timeout 10s;
            proxy_read_timeout 1h;
            proxy_send_timeout 1h;
        }
    }
}
`
