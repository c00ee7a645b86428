package upstream

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// Endpoint says where an upstream is and how to get there. It is immutable.
type Endpoint struct {
	Address    string // host:port of the upstream
	ServerName string // the host alone, without brackets: the name TLS verifies
	TLS        bool
	Trust      Trust
	Proxy      *Proxy // nil: direct
}

// Trust is whom the upstream's certificate may come from. It says nothing of a
// proxy's.
type Trust struct {
	Roots      *x509.CertPool // nil: the Dialer's
	Name       string         // tells one set of roots from another, in a Key
	Unverified bool           // any certificate will do
}

// Proxy is an outbound proxy. Username and Password are secrets, both or neither.
type Proxy struct {
	Protocol           ProxyProtocol
	Address            string // host:port
	Username, Password string
}

// ProxyProtocol is how an outbound proxy is spoken to.
type ProxyProtocol string

const (
	ProxyHTTP  ProxyProtocol = "http"  // absolute form for http upstreams, CONNECT for https
	ProxyHTTPS ProxyProtocol = "https" // the same over TLS to the proxy
	ProxySOCKS ProxyProtocol = "socks" // SOCKS5, names resolved by the proxy
)

func (p *Proxy) hasLogin() bool { return p.Username != "" || p.Password != "" }

// loginSalt keeps a login from being guessed from a Key that got into a log.
var loginSalt = rand.Text()

// Key names the endpoint: two endpoints have the same key if and only if a
// connection to one may serve the other. It is stable while the process lives
// and holds no secret. It is computed at each call, so callers keep it.
func (e *Endpoint) Key() string {
	key := "http://" + e.Address
	if e.TLS {
		key = "https://" + e.Address + " as " + e.ServerName + " trusting " + e.Trust.Name
		if e.Trust.Unverified {
			key += " anybody"
		}
	}
	p := e.Proxy
	if p == nil {
		return key
	}
	key += " via " + string(p.Protocol) + "://" + p.Address
	if p.hasLogin() {
		login := sha256.Sum256([]byte(loginSalt + strconv.Quote(p.Username) + strconv.Quote(p.Password)))
		key += " login " + hex.EncodeToString(login[:16])
	}
	return key
}

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

// Stage is the part of reaching an upstream that failed.
type Stage string

const (
	StageResolve      Stage = "resolve"       // the upstream's name
	StageConnect      Stage = "connect"       // TCP to the upstream
	StageProxyConnect Stage = "proxy connect" // reaching the proxy, or the proxy reaching the upstream
	StageProxyLogin   Stage = "proxy login"   // the proxy wants a login, or another one
	StageTLS          Stage = "tls handshake" // with the upstream
)

// DialError says why an upstream was not reached. Its text is for the log: it
// holds addresses and perhaps a certificate's names, but no login and none of a
// proxy's own words.
//
// When the context ended the dial, Err is context.DeadlineExceeded or
// context.Canceled, whatever the stage that it ended saw.
type DialError struct {
	Stage Stage
	Err   error
}

func (e *DialError) Error() string { return string(e.Stage) + ": " + e.Err.Error() }
func (e *DialError) Unwrap() error { return e.Err }

// IsTimeout reports whether err, of Dial or of reading and writing a connection
// it returned, is a deadline that passed.
func IsTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// cause is err, or the end of ctx if that is what brought err about.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// A socket's own deadline can fire a moment before the context's timer.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return cleared(err)
}

var errHungUp = errors.New("the other side closed the connection")

// cleared says in words what a bare EOF means to one who reads a log.
func cleared(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF || err == ErrNoClosureAlert {
		return errHungUp
	}
	return err
}
