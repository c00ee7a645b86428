// Command check reads a dashboard as strictly as Grafana's own types for it
// allow: an unknown field, a missing one and a value of the wrong type are
// errors.
//
//	cd deploy/grafana/check && go run . ../dashboard.json
//
// It is a module of its own, so that Grafana's SDK is no dependency of the gateway.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	for _, file := range os.Args[1:] {
		if err := check(file); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			os.Exit(1)
		}
	}
}

func check(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	plugins.RegisterDefaultPlugins()
	//lint:ignore SA1019 its successor is another format, which Grafana 10 and 11 do not import
	var d dashboard.Dashboard
	// What is found is a list, and an empty list is no error either.
	if err := d.UnmarshalJSONStrict(text); err != nil && err.Error() != "" {
		return err
	}
	if err := d.Validate(); err != nil && err.Error() != "" {
		return err
	}
	fmt.Printf("%s: %d panels\n", file, len(d.Panels))
	return nil
}
