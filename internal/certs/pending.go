package certs

import (
	"bytes"
	"errors"
	"slices"
)

// pending is the file that holds a whole pair until both its files are there.
func (s SelfSigned) pending() string { return s.KeyPath + ".pending" }

// pendingMark begins every pending file and tells whoever opens one what it is.
const pendingMark = "The unfinished self-signed pair of an ai-gw-lite that was stopped while it made it.\n" +
	"The next start completes the pair and removes this file.\n"

var keyBegin = []byte("-----BEGIN PRIVATE KEY-----")

func pendingContent(p pair) []byte { return slices.Concat([]byte(pendingMark), p.cert, p.key) }

// pendingPair is the way back. ours is false for content of any other origin.
func pendingPair(content []byte) (p pair, ours bool) {
	both, marked := bytes.CutPrefix(content, []byte(pendingMark))
	end := bytes.Index(both, keyBegin)
	if !marked || end < 0 {
		return pair{}, false
	}
	p = pair{cert: both[:end], key: both[end:]}
	return p, checkCert(p.cert) == nil && checkKey(p.key) == nil
}

// checkPending accepts a pending file that holds a pair, and beside it only
// what came out of it.
func (s SelfSigned) checkPending(f found) error {
	made, ours := pendingPair(f.pending)
	if !ours {
		return &FileError{Key, s.pending(), errors.New("stands where a start keeps its unfinished pair, but no start has written it: move it away")}
	}
	if f.cert != nil && !bytes.Equal(f.cert, made.cert) {
		return s.lone(Cert)
	}
	if f.key != nil && !bytes.Equal(f.key, made.key) {
		return s.lone(Key)
	}
	return nil
}
