package config

import "crypto/x509"

// upstreamTLS is whom an upstream's certificate may come from.
type upstreamTLS struct {
	origin
	caPath   text
	ca       []byte // what it holds
	insecure boolean
}

func (t *upstreamTLS) fields() []field {
	return []field{
		{"ca_path", &t.caPath, optional,
			"Certificates of authorities to trust beside the system's, PEM; empty: the system's alone."},
		{"insecure_skip_verify", t.insecure.or(false), optional,
			"Trust any certificate: whoever stands between can then read the keys."},
	}
}

func (t *upstreamTLS) check(d *decoder, scheme string) {
	if scheme == "http" {
		const useless = "has no use: base_url is http, which has no certificates"
		if t.caPath.given && !t.caPath.bad && t.caPath.v != "" {
			d.problem(&t.caPath.origin, useless)
		}
		if t.insecure.v && !t.insecure.bad {
			d.problem(&t.insecure.origin, useless)
		}
	}
	if t.caPath.bad || t.caPath.v == "" {
		return
	}
	pem, err := d.read(t.caPath.v)
	t.ca = pem
	switch {
	case err != nil:
		d.problem(&t.caPath.origin, "cannot be read: %s", cause(err))
	case !x509.NewCertPool().AppendCertsFromPEM(pem):
		d.problem(&t.caPath.origin, "names a file without a certificate in PEM form")
	}
}

func (t *upstreamTLS) build(d *decoder) UpstreamTLS {
	out := UpstreamTLS{CA: t.ca, InsecureSkipVerify: t.insecure.v}
	if t.caPath.v != "" {
		out.CAPath = d.path(t.caPath.v)
	}
	return out
}
