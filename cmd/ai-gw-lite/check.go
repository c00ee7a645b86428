package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ai-gw-lite/internal/config"
)

func newCheck() *cobra.Command {
	return withConfig(&cobra.Command{
		Use:   "check --config FILE",
		Short: "Validate a configuration and print its route table",
	}, func(path string) error {
		c, err := load(path)
		if err != nil {
			return err
		}
		var table bytes.Buffer
		printTable(&table, c)
		_, err = table.WriteTo(os.Stdout)
		return printed("check", err)
	})
}

// printTable shows the configuration as the gateway understands it: names of
// injected headers and ids of keys, never their values.
func printTable(w io.Writer, c *config.Config) {
	fmt.Fprintf(w, "listen %s, %s, %s from %s\n", c.Listen, transport(c), count(len(c.Auth.Tokens), "token"), sources(c))
	fmt.Fprintf(w, "%s, %s\n", rateText(c.RateLimit.PerMinute), inflightText(c.Concurrency.DownstreamMaxInflight))
	printOperation(w, c)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nROUTE\tPREFIX\tUPSTREAM\tSTRIP\tCONNECT\tREQUEST\tFIRST BYTE\tIDLE\tPER KEY\tPROXY\tINJECTS\tREMOVES\tALSO")
	for _, r := range c.Routes {
		for _, u := range r.Upstreams {
			fmt.Fprintf(t, "%s\t%s\t%s\t%t\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Prefix, u.BaseURL, u.StripPrefix,
				msText(u.ConnectTimeout), msText(u.RequestTimeout), msText(u.FirstByteTimeout), msText(u.StreamIdleTimeout),
				limitText(cmp.Or(u.KeyMaxInflight, c.Concurrency.UpstreamPerKeyMaxInflight)), proxyText(u.Proxy),
				listText(injects(c, u)), listText(u.RemoveHeaders), listText(also(u)))
		}
	}
	t.Flush()
	printChoices(w, c)
}

func transport(c *config.Config) string {
	switch t := c.InboundTLS; {
	case t == nil:
		return "plain HTTP"
	case t.CertPath != "":
		return "HTTPS with " + t.CertPath
	default:
		return "HTTPS, self-signed, " + t.SelfSignedCertPath
	}
}

func sources(c *config.Config) string {
	var out []string
	for _, s := range c.Auth.Sources {
		if s.Bearer {
			out = append(out, s.Header+" (bearer)")
		} else {
			out = append(out, s.Header)
		}
	}
	return strings.Join(out, ", ")
}

// injects is the names of the headers that are injected. The request id's is
// not: there every request has its own.
func injects(c *config.Config, u config.Upstream) (out []string) {
	if u.KeyHeader.Name != "" {
		out = append(out, u.KeyHeader.Name)
	}
	for _, h := range u.InjectHeaders {
		if c.Observability == nil || !strings.EqualFold(h.Name, c.Observability.RequestIDHeader) {
			out = append(out, h.Name)
		}
	}
	return out
}

// also is what most upstreams leave as it is.
func also(u config.Upstream) (out []string) {
	if u.ForwardXFF {
		out = append(out, "forwards X-Forwarded-*")
	}
	if !u.WebSocket {
		out = append(out, "no WebSocket")
	}
	if u.UserAgent != "" {
		out = append(out, "user agent "+u.UserAgent)
	}
	if len(u.RemoveResponseHeaders) > 0 {
		out = append(out, "keeps back "+strings.Join(u.RemoveResponseHeaders, " and "))
	}
	if u.TLS.CAPath != "" {
		out = append(out, "trusts "+u.TLS.CAPath)
	}
	if u.TLS.InsecureSkipVerify {
		out = append(out, "TRUSTS ANY CERTIFICATE")
	}
	return out
}
