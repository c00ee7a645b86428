package config

// inboundTLS is the certificate of the listener: the operator's own pair, or
// one that the gateway signs itself.
type inboundTLS struct {
	origin
	cert, key         text
	selfCert, selfKey text
}

func (t *inboundTLS) fields() []field {
	return []field{
		{"cert_path", &t.cert, optional,
			"Certificate chain, PEM. Goes with key_path: both or neither."},
		{"key_path", &t.key, optional,
			"Private key of the certificate, PEM."},
		{"self_signed_cert_path", t.selfCert.or("certs/gateway-selfsigned.crt"), optional,
			"Without a pair of your own: loaded if both files exist, generated if neither does."},
		{"self_signed_key_path", t.selfKey.or("certs/gateway-selfsigned.key"), optional,
			"The key of the self-signed certificate."},
	}
}

func (t *inboundTLS) check(r *report) {
	bothOrNeither(r, &t.origin, "cert_path", &t.cert, "key_path", &t.key)
	for _, path := range []*text{&t.cert, &t.key, &t.selfCert, &t.selfKey} {
		if path.given && !path.bad && path.v == "" {
			r.problem(&path.origin, "must not be empty")
		}
	}
	if t.given && t.selfCert.v != "" && t.selfCert.v == t.selfKey.v {
		r.problem(&t.selfKey.origin, "must not be the file of self_signed_cert_path")
	}
}

func (t *inboundTLS) build(d *decoder) *InboundTLS {
	out := &InboundTLS{
		SelfSignedCertPath: d.path(t.selfCert.v),
		SelfSignedKeyPath:  d.path(t.selfKey.v),
	}
	if t.cert.given {
		out.CertPath, out.KeyPath = d.path(t.cert.v), d.path(t.key.v)
	}
	return out
}

// bothOrNeither reports the one of two fields that is missing beside the other.
func bothOrNeither(r *report, section *origin, nameA string, a interface{ org() *origin }, nameB string, b interface{ org() *origin }) {
	switch {
	case a.org().given && !b.org().given:
		r.missing(section, nameB, "is missing: it goes with %s, both or neither", nameA)
	case b.org().given && !a.org().given:
		r.missing(section, nameA, "is missing: it goes with %s, both or neither", nameB)
	}
}
