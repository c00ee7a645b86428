package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"testing"
	"time"
)

func parsed(t *testing.T, p pair) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	loaded, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		t.Fatal(err)
	}
	return loaded, loaded.Leaf
}

func TestGeneratedPairIsP256AndLastsTenYears(t *testing.T) {
	now := time.Now()
	_, leaf := parsed(t, pairOf(t, now))
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("key is %T", leaf.PublicKey)
	}
	if got, want := leaf.NotAfter, now.AddDate(10, 0, 0); got.Sub(want).Abs() > time.Second {
		t.Errorf("lasts until %v, want %v", got, want)
	}
	if !leaf.NotBefore.Before(now) {
		t.Errorf("begins at %v, after now", leaf.NotBefore)
	}
	if leaf.IsCA {
		t.Error("may sign other certificates")
	}
}

func TestTwoGeneratedPairsDiffer(t *testing.T) {
	_, a := parsed(t, newPair(t))
	_, b := parsed(t, newPair(t))
	if a.SerialNumber.Cmp(b.SerialNumber) == 0 || a.PublicKey.(*ecdsa.PublicKey).Equal(b.PublicKey) {
		t.Error("serial number or key came twice")
	}
}

func TestCertificateIsForThisMachineAndTheHostInListen(t *testing.T) {
	for _, c := range []struct {
		listen string
		names  []string // besides localhost
		ips    []string // besides 127.0.0.1 and ::1
	}{
		{listen: ":8080"},
		{listen: "0.0.0.0:8080"},
		{listen: "[::]:8080"},
		{listen: "127.0.0.1:8080"},
		{listen: "[::1]:8080"},
		{listen: "localhost:8080"},
		{listen: "LOCALHOST.:8080"},
		{listen: "192.0.2.7:8080", ips: []string{"192.0.2.7"}},
		{listen: "127.0.0.2:8080", ips: []string{"127.0.0.2"}},
		{listen: "[::ffff:192.0.2.7]:8080", ips: []string{"192.0.2.7"}},
		{listen: "[2001:db8::1]:8080", ips: []string{"2001:db8::1"}},
		{listen: "[fe80::1%eth0]:8080", ips: []string{"fe80::1"}},
		{listen: "Gateway.Example.:8080", names: []string{"gateway.example"}},
	} {
		p, err := generate(c.listen, time.Now())
		if err != nil {
			t.Errorf("%s: %v", c.listen, err)
			continue
		}
		_, leaf := parsed(t, p)
		var ips []string
		for _, ip := range leaf.IPAddresses {
			ips = append(ips, ip.String())
		}
		if want := append([]string{"localhost"}, c.names...); !slices.Equal(leaf.DNSNames, want) {
			t.Errorf("%s: names %v, want %v", c.listen, leaf.DNSNames, want)
		}
		if want := append([]string{"127.0.0.1", "::1"}, c.ips...); !slices.Equal(ips, want) {
			t.Errorf("%s: addresses %v, want %v", c.listen, ips, want)
		}
	}
}

func TestListenAddressWithoutAPortIsAnError(t *testing.T) {
	if _, err := generate("localhost", time.Now()); err == nil {
		t.Error("no error")
	}
}

// A client that has the certificate as its only root connects under every name.
func TestClientThatTrustsTheCertificateConnects(t *testing.T) {
	p, err := generate("gateway.example:8443", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	loaded, leaf := parsed(t, p)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{loaded}})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func(conn net.Conn) {
				defer conn.Close()
				conn.(*tls.Conn).Handshake()
			}(conn)
		}
	}()

	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	for name, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "gateway.example": true, "other.example": false,
	} {
		conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
		if (err == nil) != want {
			t.Errorf("as %s: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}
