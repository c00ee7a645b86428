package main

import (
	"errors"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/server"
)

var errNoConfig = errors.New("no configuration: say --config FILE ('ai-gw-lite init' writes one)")

// load reads the configuration and everything it names. For a bad one its error
// ends the program as bad usage does.
func load(path string) (*config.Config, error) {
	if path == "" {
		return nil, errNoConfig
	}
	c, err := config.Load(path, config.OS(), server.CheckCertificates)
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	return c, nil
}
