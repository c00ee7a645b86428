package certs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
)

// found is what lies on disk; nil is a file that is not there.
type found struct{ cert, key, pending []byte }

// look reads the files and judges them. A bad verdict counts only if a second
// look comes to the same: while another process generates, files that are read
// one after the other may not fit together.
func (s SelfSigned) look() (found, error) {
	var last found
	var lastErr error
	for {
		f, err := s.read()
		if err == nil {
			err = s.judge(f)
		}
		if err == nil || lastErr != nil && err.Error() == lastErr.Error() && f.equal(last) {
			return f, err
		}
		last, lastErr = f, err
	}
}

// read goes in this order so that two looks are enough: whoever installs the
// key has the pending file there before, and the certificate before it goes.
func (s SelfSigned) read() (f found, err error) {
	var keyErr, pendingErr, certErr error
	f.key, keyErr = readIfThere(s.KeyPath)
	f.pending, pendingErr = readIfThere(s.pending())
	f.cert, certErr = readIfThere(s.CertPath)
	return f, errors.Join(blame(Cert, s.CertPath, certErr), blame(Key, s.KeyPath, keyErr), blame(Key, s.pending(), pendingErr))
}

func readIfThere(path string) ([]byte, error) {
	content, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Lstat(path); statErr == nil {
			return nil, err // a symlink to nowhere is there, and in the way
		}
		return nil, nil
	}
	return content, err
}

func (f found) equal(g found) bool {
	same := func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
	return same(f.cert, g.cert) && same(f.key, g.key) && same(f.pending, g.pending)
}

// judge says what is wrong with what was found.
func (s SelfSigned) judge(f found) error {
	switch {
	case s.CertPath == s.KeyPath:
		return &FileError{Key, s.KeyPath, errors.New("is the certificate file too: the pair needs two files")}
	case f.cert != nil && f.key != nil:
		_, err := s.usable(f.cert, f.key)
		return err
	case f.pending != nil:
		return s.checkPending(f)
	case f.cert != nil:
		return s.lone(Cert)
	case f.key != nil:
		return s.lone(Key)
	}
	return nil
}
