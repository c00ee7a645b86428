package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"ai-gw-lite/internal/certs"
	"ai-gw-lite/internal/config"
)

// admin is a gateway's API for its operator.
type admin struct {
	url, token string
	client     *http.Client
}

// stream is what the table shows of an exchange in flight.
type stream struct {
	ID, Route, Token, Model, Upstream, Key, State string
	AgeMS                                         int64  `json:"age_ms"`
	TTFBMS                                        *int64 `json:"ttfb_ms"`
	BytesIn                                       int64  `json:"bytes_in"`
	BytesOut                                      int64  `json:"bytes_out"`
	Events                                        int64
	Tokens                                        *int64
	IdleMS                                        int64 `json:"idle_ms"`
}

// findAdmin is the API of a configuration, whose own certificate alone is
// trusted, or the one at a URL. token may be empty for the environment's.
func findAdmin(file, at, token string) (*admin, error) {
	if at != "" {
		if token == "" {
			token = os.Getenv("GW_ADMIN_TOKEN")
		}
		u, err := url.Parse(at)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("--url %q is no http or https URL", at)
		}
		if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("--url %q must have no login, query or fragment: the token goes into GW_ADMIN_TOKEN", u.Redacted())
		}
		return newAdmin(strings.TrimRight(at, "/"), token, nil), nil
	}
	if file == "" {
		return nil, errors.New("whose exchanges? Say --config FILE or --url URL")
	}
	c, err := load(file)
	if err != nil {
		return nil, err
	}
	if !c.Admin.Enabled {
		return nil, exitError{exitUsage, fmt.Errorf("ai-gw-lite: top: %s has no admin API: set admin.enabled", file)}
	}
	base, err := localURL(c)
	if err != nil {
		return nil, failure(err)
	}
	return newAdmin(base+strings.TrimRight(c.Admin.PathPrefix, "/"), c.Admin.Token, ownCertificate(c)), nil
}

func newAdmin(base, token string, secure *tls.Config) *admin {
	return &admin{base + "/api/streams", token, &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{TLSClientConfig: secure}}}
}

// ownCertificate trusts the configuration's certificate and no other, whatever
// name stands in it: the token is for that gateway alone.
func ownCertificate(c *config.Config) *tls.Config {
	t := c.InboundTLS
	if t == nil {
		return nil
	}
	return &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
		certPath, keyPath := t.CertPath, t.KeyPath
		if certPath == "" {
			certPath, keyPath = t.SelfSignedCertPath, t.SelfSignedKeyPath
		}
		pair, err := certs.Load(certPath, keyPath)
		if err != nil {
			return err
		}
		if !bytes.Equal(pair.Certificate[0], s.PeerCertificates[0].Raw) {
			return fmt.Errorf("what answers does not show the certificate of %s", certPath)
		}
		return nil
	}}
}

// streams asks for the exchanges in flight, oldest first.
func (a *admin) streams(ctx context.Context) ([]stream, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", a.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	res, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", a.url, res.Status)
	}
	var list struct{ Streams []stream }
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("%s answers what is no list of streams: %w", a.url, err)
	}
	return list.Streams, nil
}
