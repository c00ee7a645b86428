package main

import (
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
		printTable(os.Stdout, c)
		return nil
	})
}

// printTable shows the configuration as the gateway understands it: names of
// injected headers, never their values.
func printTable(w io.Writer, c *config.Config) {
	fmt.Fprintf(w, "listen %s, %s, %s from %s\n", c.Listen, transport(c), count(len(c.Auth.Tokens), "token"), sources(c))
	fmt.Fprintf(w, "%s, %s\n\n", rateText(c.RateLimit.PerMinute), inflightText(c.Concurrency.DownstreamMaxInflight))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROUTE\tPREFIX\tUPSTREAM\tSTRIP\tCONNECT\tREQUEST\tPER KEY\tPROXY\tINJECTS\tREMOVES")
	for i := range c.Routes {
		r := &c.Routes[i]
		u := &r.Upstreams[0]
		perKey := u.KeyMaxInflight
		if perKey == 0 {
			perKey = c.Concurrency.UpstreamPerKeyMaxInflight
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%t\t%d ms\t%d ms\t%s\t%s\t%s\t%s\n", r.ID, r.Prefix, u.BaseURL, u.StripPrefix,
			u.ConnectTimeout.Milliseconds(), u.RequestTimeout.Milliseconds(), limitText(perKey), proxyText(u.Proxy),
			listText(names(u.InjectHeaders)), listText(u.RemoveHeaders))
	}
	t.Flush()
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

func names(headers []config.Header) (out []string) {
	for _, h := range headers {
		out = append(out, h.Name)
	}
	return out
}

// count is how many there are of something: "1 token", "2 tokens".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprint(n, " ", noun, "s")
}

func rateText(perMinute int) string {
	if perMinute == 0 {
		return "no rate limit"
	}
	return count(perMinute, "request") + " a minute per token and route"
}

func inflightText(n int) string {
	if n == 0 {
		return "any number in flight"
	}
	return fmt.Sprintf("at most %d in flight", n)
}

func limitText(n int) string {
	if n == 0 {
		return "no limit"
	}
	return fmt.Sprint(n)
}

func proxyText(p *config.Proxy) string {
	if p == nil {
		return "-"
	}
	return p.Protocol + " " + p.Address
}

func listText(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ", ")
}
