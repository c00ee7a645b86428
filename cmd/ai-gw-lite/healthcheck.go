package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func newHealthcheck() *cobra.Command {
	return withConfig(&cobra.Command{
		Use:   "healthcheck --config FILE",
		Short: "Ask the running gateway whether it is healthy (exit 0 or 1)",
	}, func(path string) error {
		if err := healthcheck(path); err != nil {
			return failure(fmt.Errorf("ai-gw-lite: healthcheck: %w", err))
		}
		return nil
	})
}

// healthcheck asks over the loopback interface when the gateway listens
// everywhere. The certificate is the gateway's own and nothing secret is sent,
// so it is not verified.
func healthcheck(path string) error {
	if path == "" {
		return errors.New("say --config FILE")
	}
	c, err := load(path)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return err
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
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := client.Get(scheme + "://" + net.JoinHostPort(host, port) + "/healthz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway answers %s", res.Status)
	}
	return nil
}
