package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"ai-gw-lite/internal/config"
)

// printChoices shows how one of several upstreams and keys is chosen, and what
// happens when it fails, of the routes that say anything of it.
func printChoices(w io.Writer, c *config.Config) {
	var several, rules []config.Route
	for _, r := range c.Routes {
		if r.Upstreams[0].ID != "" {
			several = append(several, r)
		}
		if r.Upstreams[0].ID != "" || r.Balancing.Affinity != nil || r.Retry.MaxAttempts > 1 || r.Stream.DrainOnDisconnect {
			rules = append(rules, r)
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(several) > 0 {
		fmt.Fprintln(t, "\nROUTE\tUPSTREAM\tPRIORITY\tWEIGHT\tKEY HEADER\tKEYS")
	}
	for _, r := range several {
		for _, u := range r.Upstreams {
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\n", r.ID, u.ID, u.Priority, u.Weight, orDash(u.KeyHeader.Name), keysText(u.Keys))
		}
	}
	t.Flush()
	for _, r := range rules {
		fmt.Fprintf(w, "\n%s: %s\n", r.ID, balancingText(r.Balancing))
		fmt.Fprintf(w, "  retry        %s\n", retryText(r.Retry))
		fmt.Fprintf(w, "  cooldown     %s\n", cooldownText(r.Cooldown))
		fmt.Fprintf(w, "  client gone  %s\n", streamText(r.Stream))
	}
}

// keysText is how many keys there are and their ids, with what sets them apart.
func keysText(keys []config.Key) string {
	var out []string
	for _, k := range keys {
		var apart []string
		if k.Weight != 1 {
			apart = append(apart, fmt.Sprintf("weight %d", k.Weight))
		}
		if k.MaxInflight > 0 {
			apart = append(apart, fmt.Sprintf("%d in flight", k.MaxInflight))
		}
		text := k.ID
		if len(apart) > 0 {
			text += " (" + strings.Join(apart, ", ") + ")"
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "-"
	}
	return fmt.Sprintf("%d: %s", len(out), strings.Join(out, ", "))
}

func balancingText(b config.Balancing) string {
	if b.Affinity == nil {
		return b.Strategy
	}
	return fmt.Sprintf("%s, sessions by %s for %d s", b.Strategy, b.Affinity.Header, int(b.Affinity.TTL.Seconds()))
}

func retryText(r config.Retry) string {
	if r.MaxAttempts == 1 {
		return "none"
	}
	text := fmt.Sprintf("%d attempts on %s", r.MaxAttempts, listText(r.On))
	if r.OnUncertain {
		text += " AND WHAT MAY HAVE RUN"
	}
	text += fmt.Sprintf("; the same key after %d to %d ms (jitter %g)",
		r.Backoff.Initial.Milliseconds(), r.Backoff.Max.Milliseconds(), r.Backoff.Jitter)
	if r.RespectRetryAfter {
		text += fmt.Sprintf(" or Retry-After up to %d ms", r.MaxRetryAfter.Milliseconds())
	}
	return text + fmt.Sprintf("; bodies up to %d bytes are kept", r.MaxReplayBody)
}

func cooldownText(c config.Cooldown) string {
	var out []string
	for failure, rule := range c.After {
		text := fmt.Sprintf("%s %d s", failure, int(rule.For.Seconds()))
		if rule.RetryAfter {
			text = failure + " retry_after"
		}
		if rule != (config.CooldownRule{}) {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return fmt.Sprintf("%s; at most %d s", listText(out), int(c.Max.Seconds()))
}

func streamText(s config.Stream) string {
	if s.DrainOnDisconnect {
		return fmt.Sprintf("read on for up to %d s", int(s.DrainMax.Seconds()))
	}
	return "cancel"
}
