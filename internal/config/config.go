// Package config turns one YAML file into a Config: decoded strictly, with
// defaults filled in, ${…} replaced and every problem reported with its place
// in the file. It knows nothing of HTTP connections or of anything that runs.
//
// Load goes through a file in this order: parse (text to a YAML tree), decode
// (the tree against the sections, which describe every field once), check (the
// rules between values), mask (the lines as problems may show them), build (the
// Config). Every step reports its problems and lets the next one look at what
// is sound. To add a field, add it to its section, such as upstream: its name,
// its default, its sentence for people, its rule and its place in the Config;
// then write the schema anew and the field into config.example.yaml.
//
// The Config itself stands in config.go, config_routes.go (what a route is made
// of) and config_operation.go (how the program is run and watched).
package config

// Config is a whole, valid configuration. It is never changed after Load.
type Config struct {
	Path          string // the file it was read from, absolute
	Listen        string // host:port
	InboundTLS    *InboundTLS
	Auth          Auth
	Routes        []Route
	CORS          CORS
	RateLimit     RateLimit
	Concurrency   Concurrency
	Reload        Reload
	Shutdown      Shutdown
	PIDFile       string // absolute; empty: none
	Errors        Errors
	Admin         Admin
	Observability *Observability // nil: the section is absent

	src   *source  // where its fields stand, for problems found later
	files []string // what ${file:…} and tls.ca_path named, absolute
}

// InboundTLS makes the listener speak HTTPS only. All paths are absolute.
type InboundTLS struct {
	CertPath, KeyPath                     string // both or neither
	SelfSignedCertPath, SelfSignedKeyPath string // used when there is no pair of the operator's own
}

// Auth says who may call and where a request carries its gateway token.
type Auth struct {
	Tokens  []string
	Sources []TokenSource // tried in order, never empty
}

// TokenSource is a header that may carry a gateway token.
type TokenSource struct {
	Header string // lower case; "authorization" for authorization_bearer
	Bearer bool   // the token stands behind "Bearer "
}

// BaseURL is base_url taken apart once.
type BaseURL struct {
	Scheme     string // "http" or "https"
	Authority  string // host[:port] as written: the Host header
	Address    string // host:port to dial, the scheme's port filled in
	ServerName string // host alone, without brackets: for TLS
	Path       string // percent-encoding as written, no trailing slash; may be empty
}

// String is the URL as an operator would write it, without trailing slashes.
func (u BaseURL) String() string { return u.Scheme + "://" + u.Authority + u.Path }

// Header is one injected header line. Value is a secret.
type Header struct{ Name, Value string }

// Proxy is an outbound proxy. Username and Password are secrets, both or neither.
type Proxy struct {
	Protocol           string // "http", "https" or "socks"
	Address            string // host:port
	Username, Password string
}

// CORS is the browser policy; off unless Enabled.
type CORS struct {
	Enabled                                                 bool
	AllowOrigins, AllowHeaders, AllowMethods, ExposeHeaders []string
}

// RateLimit counts requests per token and route. 0: no limit.
type RateLimit struct{ PerMinute int }

// Concurrency caps requests in flight. 0: no cap.
type Concurrency struct {
	DownstreamMaxInflight     int
	UpstreamPerKeyMaxInflight int
}
