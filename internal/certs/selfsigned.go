package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// SelfSigned is the pair that the gateway makes for itself when the operator
// gives none, and uses again at the next start.
//
// Two files cannot appear in one step, so a start that is killed may leave one
// of them alone, and that must not look like somebody's lone file. Therefore
// the whole pair is first put down as one pending file beside the key:
//
//	nothing -> pending -> pending, key -> pending, key, cert -> key, cert
//
// Each arrow is one atomic step, and none replaces a file, so of several starts
// at once one makes the pair and all install the same bytes. A lone file is ours
// if there is a pending file that holds exactly it, and only then.
type SelfSigned struct{ CertPath, KeyPath string }

// Check reports what would keep Ensure from returning a pair, and writes
// nothing. It is nil for a usable pair, for no file at all, and for what a start
// that was killed half-way leaves behind; problems with files are listed by
// FileErrors. It cannot tell whether files could be created.
func (s SelfSigned) Check() error {
	_, err := s.look()
	return err
}

// Ensure loads the pair. If there is none it makes one, with the host of listen
// (host:port) among its names, and creates the folders; what a killed start left
// is completed. It never changes or removes a file that is not its own: a lone
// file, or a pair that is expired or does not load, is an error that says what
// to do (see FileErrors). It waits for the disk.
func (s SelfSigned) Ensure(listen string) (tls.Certificate, error) {
	return s.ensure(listen, disk{})
}

func (s SelfSigned) ensure(listen string, d disk) (tls.Certificate, error) {
	// Each round does what the state asks for and looks again, since other
	// processes may be at it too. Three rounds are enough unless files are
	// being taken away meanwhile.
	for range 10 {
		f, err := s.look()
		if err != nil {
			return tls.Certificate{}, err
		}
		switch {
		case f.cert != nil && f.key != nil:
			s.tidy(f, d)
			return s.usable(f.cert, f.key)
		case f.pending != nil:
			err = s.finish(f, d)
		default:
			err = s.begin(listen, d)
		}
		if err != nil {
			return tls.Certificate{}, fmt.Errorf("generate the self-signed pair: %w", err)
		}
	}
	return tls.Certificate{}, fmt.Errorf("generate the self-signed pair: %s and %s keep disappearing", s.CertPath, s.KeyPath)
}

// begin puts down the new pair as one file.
func (s SelfSigned) begin(listen string, d disk) error {
	made, err := generate(listen, time.Now())
	if err != nil {
		return err
	}
	for _, path := range []string{s.KeyPath, s.CertPath} {
		if err := d.mkdir(filepath.Dir(path)); err != nil {
			return err
		}
	}
	return d.place(s.pending(), pendingContent(made), 0o600)
}

// finish makes the two files out of the one.
func (s SelfSigned) finish(f found, d disk) error {
	made, _ := pendingPair(f.pending) // look has checked it
	if f.key == nil {
		if err := d.place(s.KeyPath, made.key, 0o600); err != nil {
			return err
		}
	}
	return d.place(s.CertPath, made.cert, 0o644)
}

// tidy removes what generating leaves once the pair is complete. A pending file
// may hold another pair then, when a second start wrote it just as the first one
// was done. Removing may fail, say on a read-only mount: the next start tries
// again.
func (s SelfSigned) tidy(f found, d disk) {
	if _, ours := pendingPair(f.pending); ours {
		d.remove(s.pending())
	}
	for _, path := range []string{s.pending(), s.KeyPath, s.CertPath} {
		sweep(path)
	}
}

// usable loads a complete pair and says what to do about one that is not fit.
func (s SelfSigned) usable(cert, key []byte) (tls.Certificate, error) {
	loaded, err := s.load(cert, key)
	if err != nil {
		for _, problem := range FileErrors(err) {
			problem.Err = fmt.Errorf("%w: mend it, or move both files of the pair away and the next start makes a new one", problem.Err)
		}
		return tls.Certificate{}, err
	}
	return loaded, nil
}

func (s SelfSigned) load(cert, key []byte) (tls.Certificate, error) {
	if err := errors.Join(blame(Cert, s.CertPath, checkCert(cert)), blame(Key, s.KeyPath, checkKey(key))); err != nil {
		return tls.Certificate{}, err
	}
	loaded, err := match(s.CertPath, cert, s.KeyPath, key)
	if err == nil && time.Now().After(loaded.Leaf.NotAfter) {
		err = blame(Cert, s.CertPath, fmt.Errorf("expired on %s", loaded.Leaf.NotAfter.Format(time.DateOnly)))
	}
	return loaded, err
}

func (s SelfSigned) lone(file File) error {
	path, other, otherPath := s.CertPath, Key, s.KeyPath
	if file == Key {
		path, other, otherPath = s.KeyPath, Cert, s.CertPath
	}
	return blame(file, path, fmt.Errorf("is there without its %s %s: bring that back, or move this one away and the next start makes a new pair", other, otherPath))
}
