package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// pair is a certificate and its key as they stand in their files, in PEM form.
type pair struct{ cert, key []byte }

// generate makes a pair for the gateway that listens at listen (host:port).
func generate(listen string, now time.Time) (pair, error) {
	names, ips, err := sans(listen)
	if err != nil {
		return pair{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	template := x509.Certificate{
		Subject:     pkix.Name{CommonName: "ai-gw-lite"},
		NotBefore:   now.Add(-time.Hour), // for clients whose clock is behind
		NotAfter:    now.AddDate(10, 0, 0),
		DNSNames:    names,
		IPAddresses: ips,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		// Not an authority: a client that trusts this certificate trusts it for
		// the names above, not for whatever its key might sign. There is no
		// KeyUsage, because with one that lacks certificate signing OpenSSL 1.1
		// does not accept the certificate as its own root (curl --cacert).
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return pair{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	return pair{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, nil
}

// sans lists what clients on this machine call the gateway, and the host it
// listens on, if it names one.
func sans(listen string) ([]string, []net.IP, error) {
	names := []string{"localhost"}
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}

	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, nil, fmt.Errorf("listen address: %w", err)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		ip := net.IP(addr.Unmap().AsSlice()) // a zone has no place in a certificate
		if !ip.IsUnspecified() && !slices.ContainsFunc(ips, ip.Equal) {
			ips = append(ips, ip)
		}
		return names, ips, nil
	}
	if name := strings.ToLower(strings.TrimSuffix(host, ".")); name != "" && name != "localhost" {
		names = append(names, name)
	}
	return names, ips, nil
}
