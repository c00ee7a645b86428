package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"
)

// Dialer reaches upstreams. One serves all endpoints, from any goroutine.
// Environment proxies (HTTPS_PROXY and its kin) mean nothing to it.
type Dialer struct {
	dialTCP func(ctx context.Context, network, address string) (net.Conn, error)
	tls     *tls.Config // copied for each handshake, never changed
}

// NewDialer returns a Dialer that trusts roots; nil stands for the system's
// certificates, which on Unix SSL_CERT_FILE and SSL_CERT_DIR can replace.
func NewDialer(roots *x509.CertPool) *Dialer {
	tcp := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable:   true,
		Idle:     15 * time.Second,
		Interval: 15 * time.Second,
	}}
	return &Dialer{dialTCP: tcp.DialContext, tls: baseTLS(roots)}
}

// Dial connects to e: name lookup, TCP, the outbound proxy and TLS, all within
// ctx, and blocks while it does. The connection is ready for HTTP/1.1 bytes, is a
// *net.TCPConn or a *tls.Conn, has no deadline set, belongs to the caller and
// is no longer tied to ctx. Every error is a *DialError; after one, the sockets
// are closed. A proxy that fails is never bypassed.
func (d *Dialer) Dial(ctx context.Context, e *Endpoint) (net.Conn, error) {
	conn, stage, err := d.connect(ctx, e)
	if err == nil {
		conn, stage, err = d.open(ctx, conn, e)
	}
	if err != nil {
		return nil, &DialError{Stage: stage, Err: cause(ctx, err)}
	}
	return conn, nil
}

// connect opens the TCP connection, to the proxy if there is one.
func (d *Dialer) connect(ctx context.Context, e *Endpoint) (net.Conn, Stage, error) {
	if e.Proxy != nil {
		conn, err := d.dialTCP(ctx, "tcp", e.Proxy.Address)
		return conn, StageProxyConnect, err
	}
	conn, err := d.dialTCP(ctx, "tcp", e.Address)
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return nil, StageResolve, err
	}
	return conn, StageConnect, err
}

// open takes a fresh TCP connection through the proxy and TLS. It closes raw
// when it fails.
func (d *Dialer) open(ctx context.Context, raw net.Conn, e *Endpoint) (net.Conn, Stage, error) {
	// All layers read and write through raw: closing it ends whatever is under
	// way, in any of them, and costs no goroutine as long as ctx lives.
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	conn, stage, err := d.layer(raw, e)
	if !stop() && err == nil {
		err = ctx.Err() // raw is being closed under the finished connection
	}
	if err != nil {
		// Not conn: closing a *tls.Conn first writes an alert, which can block.
		raw.Close()
		return nil, stage, err
	}
	return conn, stage, nil
}

// layer puts on conn what e asks for. The stage is the last one entered.
func (d *Dialer) layer(conn net.Conn, e *Endpoint) (net.Conn, Stage, error) {
	stage := StageConnect
	if e.Proxy != nil {
		var err error
		if conn, stage, err = d.passProxy(conn, e); err != nil {
			return nil, stage, err
		}
	}
	if !e.TLS {
		return conn, stage, nil
	}
	conn, err := d.handshake(conn, e.ServerName, e.Trust)
	return conn, StageTLS, err
}

// passProxy gets conn, which ends at the proxy, to where the next byte is for
// the upstream.
func (d *Dialer) passProxy(conn net.Conn, e *Endpoint) (net.Conn, Stage, error) {
	p := e.Proxy
	switch p.Protocol {
	case ProxySOCKS:
		stage, err := socksConnect(conn, p, e.Address)
		return conn, stage, err
	case ProxyHTTPS:
		host, _, err := net.SplitHostPort(p.Address)
		if err != nil {
			return nil, StageProxyConnect, err
		}
		if conn, err = d.handshake(conn, host, Trust{}); err != nil {
			return nil, StageProxyConnect, fmt.Errorf("tls handshake: %w", cleared(err))
		}
	case ProxyHTTP:
	default:
		return nil, StageProxyConnect, fmt.Errorf("unknown proxy protocol %q", p.Protocol)
	}
	if e.AbsoluteForm() {
		return conn, StageProxyConnect, nil
	}
	stage, err := httpConnect(conn, p, e.Address)
	return conn, stage, err
}
