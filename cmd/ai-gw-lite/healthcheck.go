package main

import (
	"crypto/tls"
	"errors"
	"fmt"
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

// healthcheck asks the gateway on this machine. The certificate is the gateway's
// own and nothing secret is sent, so it is not verified.
func healthcheck(path string) error {
	if path == "" {
		return errors.New("say --config FILE")
	}
	c, err := load(path)
	if err != nil {
		return err
	}
	base, err := localURL(c)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := client.Get(base + "/healthz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway answers %s", res.Status)
	}
	return nil
}
