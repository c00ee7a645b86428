package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certificate is a self-made pair on disk that all peers serve.
type certificate struct {
	certPath, keyPath string
	bothPath          string // one file, as HAProxy wants it
	roots             *x509.CertPool
}

func makeCertificate(dir string) (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	c := &certificate{
		certPath: filepath.Join(dir, "cert.pem"),
		keyPath:  filepath.Join(dir, "key.pem"),
		bothPath: filepath.Join(dir, "both.pem"),
		roots:    x509.NewCertPool(),
	}
	c.roots.AppendCertsFromPEM(certPEM)
	return c, errors.Join(
		os.WriteFile(c.certPath, certPEM, 0o644),
		os.WriteFile(c.keyPath, keyPEM, 0o600),
		os.WriteFile(c.bothPath, append(certPEM, keyPEM...), 0o600),
	)
}

// clientConfig is for a client that speaks protocol ("http/1.1" or "h2"). The
// cipher is pinned to AES-128-GCM, so that all proxies encrypt alike.
func (c *certificate) clientConfig(protocol string) *tls.Config {
	return &tls.Config{
		RootCAs:    c.roots,
		ServerName: "localhost",
		NextProtos: []string{protocol},
		MinVersion: tls.VersionTLS13,
		VerifyConnection: func(s tls.ConnectionState) error {
			if s.CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
				return fmt.Errorf("negotiated %s instead of AES-128-GCM", tls.CipherSuiteName(s.CipherSuite))
			}
			return nil
		},
	}
}
