package wire

// Known numbers the header names that the gateway treats specially, so that a
// name is recognised once, while it is parsed.
type Known uint8

const (
	Other         Known = iota
	AccessControl       // any Access-Control-… name
	AccessControlRequestHeaders
	AccessControlRequestMethod
	Authorization
	Connection
	ContentEncoding
	ContentLength
	ContentType
	Expect
	Host
	KeepAlive
	Origin
	ProxyAuthenticate
	ProxyAuthorization
	ProxyConnection
	SecWebSocketAccept
	SecWebSocketKey
	TE
	Trailer
	TransferEncoding
	Upgrade
	Vary
	XForwardedFor
)

var knownNames = map[string]Known{
	"access-control-request-headers": AccessControlRequestHeaders,
	"access-control-request-method":  AccessControlRequestMethod,
	"authorization":                  Authorization,
	"connection":                     Connection,
	"content-encoding":               ContentEncoding,
	"content-length":                 ContentLength,
	"content-type":                   ContentType,
	"expect":                         Expect,
	"host":                           Host,
	"keep-alive":                     KeepAlive,
	"origin":                         Origin,
	"proxy-authenticate":             ProxyAuthenticate,
	"proxy-authorization":            ProxyAuthorization,
	"proxy-connection":               ProxyConnection,
	"sec-websocket-accept":           SecWebSocketAccept,
	"sec-websocket-key":              SecWebSocketKey,
	"te":                             TE,
	"trailer":                        Trailer,
	"transfer-encoding":              TransferEncoding,
	"upgrade":                        Upgrade,
	"vary":                           Vary,
	"x-forwarded-for":                XForwardedFor,
}

const accessControlPrefix = "access-control-"

// knownByLength holds the known names by their length, of which none shares
// its own with more than a few others.
var knownByLength = func() (t [len("access-control-request-headers") + 1][]knownName) {
	for name, known := range knownNames {
		t[len(name)] = append(t[len(name)], knownName{name, known})
	}
	return t
}()

type knownName struct {
	name  string
	known Known
}

// Recognise finds a name's number, whatever its letter case.
func Recognise(name []byte) Known {
	if len(name) < len(knownByLength) {
		for _, k := range knownByLength[len(name)] {
			if EqualFold(name, k.name) {
				return k.known
			}
		}
	}
	if HasPrefixFold(name, accessControlPrefix) {
		return AccessControl
	}
	return Other
}

// IsHopByHop reports a header that speaks to the next hop alone (RFC 9110
// section 7.6.1) and is never passed on.
func (k Known) IsHopByHop() bool {
	switch k {
	case Connection, KeepAlive, ProxyConnection, ProxyAuthenticate, ProxyAuthorization, TE, Trailer, TransferEncoding, Upgrade:
		return true
	}
	return false
}

// IsAccessControl reports a CORS header.
func (k Known) IsAccessControl() bool {
	return k == AccessControl || k == AccessControlRequestHeaders || k == AccessControlRequestMethod
}
