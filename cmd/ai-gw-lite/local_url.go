package main

import (
	"net"

	"ai-gw-lite/internal/config"
)

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
