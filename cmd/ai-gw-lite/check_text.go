package main

import (
	"fmt"
	"strings"
	"time"

	"ai-gw-lite/internal/config"
)

func msText(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
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

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
