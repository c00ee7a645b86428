package server

import (
	"crypto/tls"
	"sync/atomic"

	"ai-gw-lite/internal/certs"
	"ai-gw-lite/internal/config"
)

// TLS is how the gateway speaks HTTPS, with the certificate that pair holds at
// the time of each handshake.
func TLS(pair *atomic.Pointer[tls.Certificate]) *tls.Config {
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.Load(), nil },
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
	}
}

// loadPair loads the pair that the configuration asks for, or makes it; nil
// is for plain HTTP.
func loadPair(c *config.Config) (*tls.Certificate, error) {
	t := c.InboundTLS
	if t == nil {
		return nil, nil
	}
	var pair tls.Certificate
	var err error
	if t.CertPath != "" {
		pair, err = certs.Load(t.CertPath, t.KeyPath)
	} else {
		pair, err = selfSigned(t).Ensure(c.Listen)
	}
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

// noPair places what loadPair could not do at the section that asks for it.
func noPair(c *config.Config, err error) error {
	if c.InboundTLS.CertPath != "" || len(certs.FileErrors(err)) > 0 {
		return c.Problem("inbound_tls", "%v", err)
	}
	return c.Problem("inbound_tls", "%v; name another place with self_signed_cert_path and self_signed_key_path", err)
}

// CheckCertificates finds certificate files that cannot be used, for
// config.Load. It writes nothing.
func CheckCertificates(c *config.Config) []config.Problem {
	t := c.InboundTLS
	if t == nil {
		return nil
	}
	if t.CertPath != "" {
		_, err := certs.Load(t.CertPath, t.KeyPath)
		return certificateProblems(c, err, "inbound_tls.cert_path", "inbound_tls.key_path")
	}
	err := selfSigned(t).Check()
	return certificateProblems(c, err, "inbound_tls.self_signed_cert_path", "inbound_tls.self_signed_key_path")
}

func selfSigned(t *config.InboundTLS) certs.SelfSigned {
	return certs.SelfSigned{CertPath: t.SelfSignedCertPath, KeyPath: t.SelfSignedKeyPath}
}

// certificateProblems places what is wrong with a pair of files at the fields
// that name the files at fault.
func certificateProblems(c *config.Config, err error, certField, keyField string) (out []config.Problem) {
	for _, fault := range certs.FileErrors(err) {
		field := certField
		if fault.File == certs.Key {
			field = keyField
		}
		out = append(out, c.Problem(field, "%v", fault))
	}
	return out
}
