package main

import (
	"errors"

	"ai-gw-lite/internal/certs"
	"ai-gw-lite/internal/config"
)

// load reads the configuration and everything it names. Its error has been
// made ready for the operator.
func load(path string) (*config.Config, error) {
	if path == "" {
		return nil, errors.New("no configuration: say --config FILE ('ai-gw-lite init' writes one)")
	}
	c, err := config.Load(path, config.OS(), checkCertificates)
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	return c, nil
}

// checkCertificates finds certificate files that cannot be used. It writes nothing.
func checkCertificates(c *config.Config) []config.Problem {
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
