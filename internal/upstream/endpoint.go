package upstream

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strconv"
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
