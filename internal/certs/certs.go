// Package certs holds the gateway's own certificate: it loads the pair that the
// operator gives (Load), or makes one and keeps it for the next start
// (SelfSigned).
//
// It knows files and nothing else: no listener, no configuration, no TLS policy.
// What it says about a file never shows what is in it.
package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// File is one of the two files of a pair.
type File int

const (
	Cert File = iota // the certificate, with the intermediates that go with it
	Key              // the private key
)

func (f File) String() string {
	if f == Key {
		return "key file"
	}
	return "certificate file"
}

// FileError says which file of a pair cannot be used, and why. A key that does
// not belong to its certificate is the key's fault.
type FileError struct {
	File File
	Path string // as it was given
	Err  error  // never holds content of the file
}

func (e *FileError) Error() string { return fmt.Sprintf("%s %s %v", e.File, e.Path, e.Err) }
func (e *FileError) Unwrap() error { return e.Err }

// FileErrors lists the problems with files that an error of this package stands
// for. There is none when the cause is another one, such as a full disk.
func FileErrors(err error) (list []*FileError) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			list = append(list, FileErrors(err)...)
		}
	} else if one, ok := errors.AsType[*FileError](err); ok {
		list = append(list, one)
	}
	return list
}

// Load reads a pair of PEM files. What is wrong with them is all reported at
// once: see FileErrors.
//
// An expired certificate loads, as it does in other servers: refusing it would
// turn warnings at the clients into an outage. Leaf.NotAfter has the date.
func Load(certPath, keyPath string) (tls.Certificate, error) {
	cert, certErr := read(certPath)
	if certErr == nil {
		certErr = checkCert(cert)
	}
	key, keyErr := read(keyPath)
	if keyErr == nil {
		keyErr = checkKey(key)
	}
	if err := errors.Join(blame(Cert, certPath, certErr), blame(Key, keyPath, keyErr)); err != nil {
		return tls.Certificate{}, err
	}
	return match(certPath, cert, keyPath, key)
}

// match puts together what checkCert and checkKey have accepted.
func match(certPath string, cert []byte, keyPath string, key []byte) (tls.Certificate, error) {
	loaded, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, blame(Key, keyPath, fmt.Errorf("does not belong to the certificate in %s", certPath))
	}
	return loaded, nil
}

func blame(file File, path string, err error) error {
	if err == nil {
		return nil
	}
	return &FileError{file, path, err}
}
