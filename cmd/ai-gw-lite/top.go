package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ai-gw-lite/internal/certs"
	"ai-gw-lite/internal/config"
)

func newTop() *cobra.Command {
	var file, at, token string
	c := &cobra.Command{
		Use:   "top --config FILE",
		Short: "Watch the exchanges in flight, as a table that is drawn anew each second",
		Long: `top asks the admin API of a running gateway for the exchanges in flight. It
draws a table until Ctrl-C, or prints it once if it does not write to a
terminal.

  ai-gw-lite top --config FILE
  GW_ADMIN_TOKEN=… ai-gw-lite top --url https://gateway.example/admin`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&file, "config", "", "the running gateway's configuration `FILE`")
	c.Flags().StringVar(&at, "url", "", "the `URL` of an admin API elsewhere, its path prefix included")
	c.Flags().StringVar(&token, "token", "", "its `TOKEN`; better in the environment as GW_ADMIN_TOKEN")
	c.MarkFlagsMutuallyExclusive("config", "url")
	c.RunE = func(*cobra.Command, []string) error {
		a, err := findAdmin(file, at, token)
		if err != nil {
			return err
		}
		if err := a.top(os.Stdout); err != nil {
			return failure(fmt.Errorf("ai-gw-lite: top: %w", err))
		}
		return nil
	}
	return c
}

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

func findAdmin(file, at, token string) (*admin, error) {
	if at != "" {
		if token == "" {
			token = os.Getenv("GW_ADMIN_TOKEN")
		}
		u, err := url.Parse(at)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("--url %q is no http or https URL", at)
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

// localURL is where the gateway of a configuration is reached from its own
// machine: over the loopback interface when it listens everywhere.
func localURL(c *config.Config) (string, error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host = "127.0.0.1"; ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	scheme := "http"
	if c.InboundTLS != nil {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
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

// top prints the table once, or draws it until it is told to stop.
func (a *admin) top(out *os.File) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	size, ok := terminal(out)
	if ok {
		return a.watch(ctx, out, size)
	}
	list, err := a.streams(ctx)
	if err != nil {
		return err
	}
	return writeTable(out, list, 0)
}

// What a terminal is told (ECMA-48, and xterm's alternate screen).
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K"
	clearRest   = "\x1b[J"
)

// watch draws the table on a screen of its own, which is left as it was found.
func (a *admin) watch(ctx context.Context, out io.Writer, size func() (columns, rows int)) error {
	if _, err := io.WriteString(out, enterScreen); err != nil {
		return err
	}
	defer io.WriteString(out, leaveScreen)
	each := time.NewTicker(time.Second)
	defer each.Stop()
	for {
		list, err := a.streams(ctx)
		if ctx.Err() != nil {
			return nil
		}
		columns, rows := size()
		if _, err := io.WriteString(out, a.screen(list, err, columns, rows)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-each.C:
		}
	}
}

// screen is what is drawn. A gateway that does not answer may be restarting.
func (a *admin) screen(list []stream, err error, columns, rows int) string {
	var page strings.Builder
	if err != nil {
		fmt.Fprintln(&page, cut(clean(err.Error()), columns))
	} else {
		fmt.Fprintln(&page, cut(title(a.url, list), columns))
		fmt.Fprintln(&page)
		writeTable(&page, list, columns)
	}
	lines := strings.Split(strings.TrimSuffix(page.String(), "\n"), "\n")
	if len(lines) > rows {
		more := fmt.Sprintf("… and %d more", len(lines)-rows+1)
		lines = append(lines[:rows-1], cut(more, columns))
	}
	return toTop + strings.Join(lines, clearLine+"\r\n") + clearLine + clearRest
}

func title(at string, list []stream) string {
	streaming := 0
	for i := range list {
		if list[i].State == "streaming" || list[i].State == "websocket" {
			streaming++
		}
	}
	u, _ := url.Parse(at) // it has been asked
	return fmt.Sprintf("%s  %d in flight, %d streaming  %s", u.Host, len(list), streaming, time.Now().Format(time.TimeOnly))
}
