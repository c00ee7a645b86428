package upstream

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// Stage is the part of reaching an upstream that failed.
type Stage string

const (
	StageResolve      Stage = "resolve"       // the upstream's name
	StageConnect      Stage = "connect"       // TCP to the upstream
	StageProxyConnect Stage = "proxy connect" // reaching the proxy, or the proxy reaching the upstream
	StageProxyLogin   Stage = "proxy login"   // the proxy wants a login, or another one
	StageTLS          Stage = "tls handshake" // with the upstream
)

// DialError says why an upstream was not reached. Its text is for the log: it
// holds addresses and perhaps a certificate's names, but no login and none of a
// proxy's own words.
//
// When the context ended the dial, Err is context.DeadlineExceeded or
// context.Canceled, whatever the stage that it ended saw.
type DialError struct {
	Stage Stage
	Err   error
}

func (e *DialError) Error() string { return string(e.Stage) + ": " + e.Err.Error() }
func (e *DialError) Unwrap() error { return e.Err }

// IsTimeout reports whether err, of Dial or of reading and writing a connection
// it returned, is a deadline that passed.
func IsTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// cause is err, or the end of ctx if that is what brought err about.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// A socket's own deadline can fire a moment before the context's timer.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return cleared(err)
}

var errHungUp = errors.New("the other side closed the connection")

// cleared says in words what a bare EOF means to one who reads a log.
func cleared(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF || err == ErrNoClosureAlert {
		return errHungUp
	}
	return err
}
