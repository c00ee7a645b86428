package certs

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxFileSize keeps a path such as /dev/zero from filling memory. A long chain
// takes some 20 KB.
const maxFileSize = 1 << 20

// read reads a file. A pipe cannot be one: a pair is read more than once, and
// opening a pipe waits for whoever writes into it.
func read(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		return nil, errors.New("is a pipe: put what comes through it into a file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if len(content) > maxFileSize {
		return nil, fmt.Errorf("is larger than %d bytes", maxFileSize)
	}
	return content, nil
}

// unreadable drops the path from err: FileError names it.
func unreadable(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("cannot be read: %w", err)
}

// The errors of crypto/tls and crypto/x509 quote what they found (block types,
// names), which may be anything when the path is wrong. So the two checks look
// for themselves and say it in their own words.

// checkCert looks at the first certificate, as crypto/tls does.
func checkCert(content []byte) error {
	sawKey := false
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			if _, err := x509.ParseCertificate(block.Bytes); err != nil {
				return errors.New("has a first certificate that does not parse")
			}
			return nil
		}
		sawKey = sawKey || strings.HasSuffix(block.Type, "PRIVATE KEY")
	}
	if sawKey {
		return errors.New("holds a private key and no certificate")
	}
	return errors.New("holds no certificate in PEM form")
}

func checkKey(content []byte) error {
	sawCert := false
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
			return errors.New("is encrypted and nobody is there to type its passphrase: decrypt it (openssl pkey -in FILE -out NEWFILE)")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return checkPrivateKey(block.Bytes)
		}
		sawCert = sawCert || block.Type == "CERTIFICATE"
	}
	if sawCert {
		return errors.New("holds a certificate and no private key")
	}
	return errors.New("holds no private key in PEM form")
}

func checkPrivateKey(der []byte) error {
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return nil
	}
	if _, err := x509.ParseECPrivateKey(der); err == nil {
		return nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return errors.New("has a private key that does not parse")
	}
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return nil
	}
	return errors.New("has a private key of a kind that TLS does not use")
}
