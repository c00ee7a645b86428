package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
)

// baseTLS is what all handshakes share, above all the session cache: a resumed
// handshake saves the certificate's verification and, in TLS 1.2, a round trip.
func baseTLS(roots *x509.CertPool) *tls.Config {
	return &tls.Config{
		RootCAs:            roots,
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"http/1.1"}, // never h2: what follows is HTTP/1.1
		ClientSessionCache: tls.NewLRUClientSessionCache(256),
	}
}

// tlsConfig is the trust of one handshake: certificates are verified for
// serverName, a DNS name or an IP address without brackets. Trust that differs
// between endpoints belongs here; the cache may stay shared, since crypto/tls
// resumes a session only if its certificates pass the configuration at hand.
func (d *Dialer) tlsConfig(serverName string, trust Trust) *tls.Config {
	c := d.tls.Clone()
	c.ServerName = serverName
	if trust.Roots != nil {
		c.RootCAs = trust.Roots
	}
	c.InsecureSkipVerify = trust.Unverified
	return c
}

// handshake starts TLS on conn, which may itself be TLS (to an https proxy).
// Nothing here watches a context: whoever closes conn ends it.
func (d *Dialer) handshake(conn net.Conn, serverName string, trust Trust) (net.Conn, error) {
	secured := tls.Client(underTLS{conn}, d.tlsConfig(serverName, trust))
	if err := secured.Handshake(); err != nil {
		return nil, err
	}
	return secured, nil
}

// ErrNoClosureAlert is the end of a connection over TLS that TLS knows nothing of.
var ErrNoClosureAlert = errors.New("the connection ended without TLS's closure alert")

// underTLS is a connection that TLS reads from. Its end is an error: only a
// closure alert says that all has come, and a body that ends with its connection
// "is complete only if a valid closure alert has been received" (RFC 9112 section
// 9.8). crypto/tls alone would let an end between two records pass for one.
type underTLS struct{ net.Conn }

func (u underTLS) Read(b []byte) (int, error) {
	n, err := u.Conn.Read(b)
	switch {
	case err != io.EOF:
		return n, err
	case n > 0: // of an https proxy; the end will come again
		return n, nil
	}
	return 0, ErrNoClosureAlert
}

// NetConn is the connection below, as of a tls.Conn.
func (u underTLS) NetConn() net.Conn { return u.Conn }
