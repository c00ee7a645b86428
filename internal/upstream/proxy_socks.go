package upstream

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
)

// SOCKS5 is written out here and not taken from golang.org/x/net/proxy. That one
// returns a wrapper around the *net.TCPConn, which hides the socket from a relay
// that waits for it to become readable; it gives a refused login and a refused
// connection the same kind of error; and it starts a goroutine for each dial.

const (
	socksVersion = 5
	socksConnCmd = 1 // CONNECT

	socksNoLogin   = 0
	socksUserPass  = 2
	socksNoMethods = 0xff

	socksIPv4 = 1
	socksName = 3
	socksIPv6 = 4

	socksLoginVersion = 1
)

var errNotSOCKS = errors.New("the proxy does not speak SOCKS5")

// socksConnect has the SOCKS5 proxy at the end of conn (RFC 1928) connect to
// target, a host:port. A host name goes to the proxy as it is: it may mean
// nothing here, or something else. Nothing past the proxy's last answer is read.
func socksConnect(conn net.Conn, p *Proxy, target string) (Stage, error) {
	if stage, err := socksIntroduce(conn, p); err != nil {
		return stage, err
	}
	request, err := appendSOCKSAddress([]byte{socksVersion, socksConnCmd, 0}, target)
	if err != nil {
		return StageProxyConnect, err
	}
	if _, err := conn.Write(request); err != nil {
		return StageProxyConnect, err
	}
	return StageProxyConnect, readSOCKSReply(conn)
}

// socksIntroduce agrees on a method and logs in if that is it. With a login both
// methods are offered: a proxy may know us by our address and take none.
func socksIntroduce(conn net.Conn, p *Proxy) (Stage, error) {
	greeting := []byte{socksVersion, 1, socksNoLogin}
	if p.hasLogin() {
		greeting = []byte{socksVersion, 2, socksNoLogin, socksUserPass}
	}
	if _, err := conn.Write(greeting); err != nil {
		return StageProxyConnect, err
	}
	var choice [2]byte
	if _, err := io.ReadFull(conn, choice[:]); err != nil {
		return StageProxyConnect, err
	}
	switch method := choice[1]; {
	case choice[0] != socksVersion:
		return StageProxyConnect, errNotSOCKS
	case method == socksNoLogin:
		return StageProxyConnect, nil
	case method == socksUserPass && p.hasLogin():
		return StageProxyLogin, socksLogin(conn, p)
	case method == socksNoMethods && p.hasLogin():
		return StageProxyLogin, errors.New("the proxy takes no user name and password")
	case method == socksNoMethods:
		return StageProxyLogin, errors.New("the proxy wants a login")
	default:
		return StageProxyLogin, fmt.Errorf("the proxy chose login method %d, which was not offered", method)
	}
}

// socksLogin presents user name and password (RFC 1929 §2).
func socksLogin(conn net.Conn, p *Proxy) error {
	if len(p.Username) > 255 || len(p.Password) > 255 {
		return errors.New("SOCKS5 takes no user name or password longer than 255 bytes")
	}
	login := []byte{socksLoginVersion, byte(len(p.Username))}
	login = append(login, p.Username...)
	login = append(login, byte(len(p.Password)))
	login = append(login, p.Password...)
	if _, err := conn.Write(login); err != nil {
		return err
	}
	var verdict [2]byte
	if _, err := io.ReadFull(conn, verdict[:]); err != nil {
		return err
	}
	if verdict[0] != socksLoginVersion {
		return errNotSOCKS
	}
	if verdict[1] != 0 {
		return errors.New("the proxy rejected the login")
	}
	return nil
}

// appendSOCKSAddress appends host and port of target (RFC 1928 §5).
func appendSOCKSAddress(b []byte, target string) ([]byte, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port of %s: %w", target, err)
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.Is4():
		b = append(b, socksIPv4)
		b = append(b, ip.AsSlice()...)
	case err == nil && ip.Zone() == "":
		b = append(b, socksIPv6)
		b = append(b, ip.AsSlice()...)
	case len(host) > 255:
		return nil, errors.New("SOCKS5 takes no host name longer than 255 bytes")
	default:
		b = append(b, socksName, byte(len(host)))
		b = append(b, host...)
	}
	return append(b, byte(number>>8), byte(number)), nil
}

// readSOCKSReply reads the answer to a request (RFC 1928 §6), to its last byte
// when the proxy has connected.
func readSOCKSReply(conn net.Conn) error {
	var reply [4]byte
	if _, err := io.ReadFull(conn, reply[:]); err != nil {
		return err
	}
	if reply[0] != socksVersion {
		return errNotSOCKS
	}
	if reply[1] != 0 {
		return fmt.Errorf("the proxy could not connect: %s", socksFailure(reply[1]))
	}
	// The address that the proxy connected from is of no use here.
	size := 0
	switch reply[3] {
	case socksIPv4:
		size = 4
	case socksIPv6:
		size = 16
	case socksName:
		var length [1]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return err
		}
		size = int(length[0])
	default:
		return errNotSOCKS
	}
	var bound [255 + 2]byte
	_, err := io.ReadFull(conn, bound[:size+2])
	return err
}

// socksFailure is a reply code in the words of RFC 1928 §6.
func socksFailure(code byte) string {
	switch code {
	case 1:
		return "general failure"
	case 2:
		return "not allowed by its rules"
	case 3:
		return "network unreachable"
	case 4:
		return "host unreachable"
	case 5:
		return "connection refused"
	case 6:
		return "TTL expired"
	case 7:
		return "command not supported"
	case 8:
		return "address type not supported"
	}
	return "code " + strconv.Itoa(int(code))
}
