package config

// file is the whole config file.
type file struct {
	origin
	listen      text
	inboundTLS  inboundTLS
	auth        gatewayAuth
	routes      list[route]
	cors        cors
	rateLimit   rateLimit
	concurrency concurrency

	reload        reload
	shutdown      shutdown
	pidFile       text
	errors        errorShape
	admin         admin
	observability observability
}

func (f *file) fields() []field {
	return []field{
		{"listen", &f.listen, required,
			`Where to listen: host:port. ":8080" is every address, "[::1]:8080" IPv6, port 0 any free port.`},
		{"inbound_tls", subsection{section: &f.inboundTLS, emptyOK: true}, optional,
			"Absent: plain HTTP. Present: HTTPS only, HTTP/1.1 and HTTP/2. {} means a self-signed certificate."},
		{"gateway_auth", sub(&f.auth), required,
			"Who may call. There is no mode without authentication."},
		{"routes", listOf(&f.routes, func(r *route) value { return sub(r) }).atLeastOne(), required,
			"Which path goes to which upstream. The longest prefix that matches wins."},
		{"cors", subsection{section: &f.cors, emptyOK: true}, optional,
			"Lets web pages of other origins call the gateway."},
		{"rate_limit", sub(&f.rateLimit), optional,
			"Requests per token and route; absent: no limit."},
		{"concurrency", sub(&f.concurrency), optional,
			"Caps on requests in flight. Nothing queues: what is over a cap is answered with 503."},
		{"reload", sub(&f.reload), optional,
			"When this file is read again, while requests go on."},
		{"shutdown", sub(&f.shutdown), optional,
			"How SIGTERM and SIGINT end the program."},
		{"pid_file", &f.pidFile, optional,
			"Where the process's id is written; empty: nowhere."},
		{"errors", sub(&f.errors), optional,
			"What the gateway's own errors look like."},
		{"admin", sub(&f.admin), optional,
			"The operator's API: what is in flight."},
		{"observability", subsection{section: &f.observability, emptyOK: true}, optional,
			"Request ids, logs, metrics and traces. {} means ids and an access log on the standard output."},
	}
}

// check applies the rules that decoding alone cannot see.
func (f *file) check(d *decoder) {
	checkListen(d.report, &f.listen)
	f.inboundTLS.check(d.report)
	f.auth.check(d.report)
	own := f.checkEndpoints(d.report)
	checkRoutes(d, f.routes.items, &f.concurrency, own)
	f.cors.check(d.report)
	f.observability.check(d.report, &f.auth, f.routes.items)
}

// build makes the Config. A section with a problem in it stays empty.
func (f *file) build(d *decoder) *Config {
	c := &Config{}
	if d.sound("listen") {
		c.Listen = f.listen.v
	}
	if f.inboundTLS.given && d.sound("inbound_tls") {
		c.InboundTLS = f.inboundTLS.build(d)
	}
	if d.sound("gateway_auth") {
		c.Auth = f.auth.build()
	}
	if d.sound("routes") {
		for i := range f.routes.items {
			c.Routes = append(c.Routes, f.routes.items[i].build(d))
		}
	}
	if d.sound("cors") {
		c.CORS = f.cors.build()
	}
	if d.sound("rate_limit") {
		c.RateLimit = RateLimit{PerMinute: f.rateLimit.perMinute.v}
	}
	if d.sound("concurrency") {
		c.Concurrency = Concurrency{
			DownstreamMaxInflight:     f.concurrency.downstream.v,
			UpstreamPerKeyMaxInflight: f.concurrency.perKey.v,
		}
	}
	if d.sound("reload") {
		c.Reload = Reload{Watch: f.reload.watch.v}
	}
	if d.sound("shutdown") {
		c.Shutdown = Shutdown{DrainTimeout: f.shutdown.drain.secs(), Delay: f.shutdown.delay.secs()}
	}
	if f.pidFile.v != "" && d.sound("pid_file") {
		c.PIDFile = d.path(f.pidFile.v)
	}
	if d.sound("errors") {
		c.Errors = Errors{Native: f.errors.format.v == "native"}
	}
	if d.sound("admin") {
		c.Admin = f.admin.build()
	}
	if f.observability.given && d.sound("observability") {
		c.Observability = f.observability.build(d)
	}
	return c
}
