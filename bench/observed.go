package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// logs is the folder for a peer's access log.
func (s site) logs() string { return filepath.Join(s.dir, "logs") }

// observed checks, after a measurement, that the gateway with everything on
// saw all of it: each request has its line in the access log, with its usage,
// and is in the metrics, as are its tokens. What observes is off the path of
// the requests, so it is given a moment to catch up.
func observed(b *bench, s site) error {
	want := observations{lines: b.upstream.requests}
	want.requests = float64(want.lines)
	want.input, want.output = want.requests*promptTokens, want.requests*outputTokens
	if want.lines == 0 {
		return fmt.Errorf("there was nothing to observe")
	}
	var got observations
	for range 50 {
		var err error
		if got, err = observe(s); err != nil {
			return fmt.Errorf("look at what was observed: %w", err)
		}
		if got == want {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("observed %+v instead of %+v", got, want)
}

type observations struct {
	lines            int     // of the access log, complete and with the usage in them
	requests         float64 // these by the metrics
	input, output    float64 // tokens
	dropped, refused float64 // log lines; by limits
}

func observe(s site) (o observations, err error) {
	if o.lines, err = countLines(s.logs()); err != nil {
		return o, err
	}
	metrics, err := scrape("http://" + s.listen.String() + "/metrics")
	if err != nil {
		return o, err
	}
	o.requests = sum(metrics, "gateway_requests_total", `route="openai"`, `status="200"`)
	o.input = sum(metrics, "gateway_tokens_total", `kind="input_uncached"`)
	o.output = sum(metrics, "gateway_tokens_total", `kind="output"`)
	o.dropped = sum(metrics, "gateway_log_lines_dropped_total")
	o.refused = sum(metrics, "gateway_limit_rejections_total")
	return o, nil
}

// countLines counts the lines that say what a line should.
func countLines(dir string) (n int, err error) {
	paths, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if !bytes.Contains(lines.Bytes(), []byte(`"request_id":`)) {
				continue // a message of the program
			}
			// The first in full, the others by what is known of them: there
			// may be a million.
			if n == 0 {
				if err := checkLine(lines.Bytes()); err != nil {
					return 0, err
				}
			}
			if bytes.Contains(lines.Bytes(), lineStatus) && bytes.Contains(lines.Bytes(), lineEnd) && bytes.Contains(lines.Bytes(), lineUsage) {
				n++
			}
		}
		if err := lines.Err(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

var (
	lineStatus = []byte(`"status":200,`)
	lineEnd    = []byte(`"end":"complete"`)
	lineUsage  = fmt.Appendf(nil, `"output":%d,`, outputTokens)
)

func checkLine(line []byte) error {
	var l struct {
		Route, Token, Path, Model string
		Usage                     struct {
			Input  int `json:"input_uncached"`
			Output int
		}
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return fmt.Errorf("read %q: %w", line, err)
	}
	if l.Route != "openai" || l.Token == "" || !strings.HasPrefix(l.Path, "/openai/v1/") || l.Model != "gpt-4o-mini" ||
		l.Usage.Input != promptTokens || l.Usage.Output != outputTokens {
		return fmt.Errorf("the access log says %s", line)
	}
	return nil
}

func scrape(url string) (string, error) {
	r, _ := http.NewRequest("GET", url, nil)
	r.Header.Set("Authorization", "Bearer bench-metrics")
	client := http.Client{Timeout: within, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, answer.Status)
	}
	return string(text), err
}

// sum adds up the series of a metric that have these labels.
func sum(metrics, name string, labels ...string) (total float64) {
	for line := range strings.Lines(metrics) {
		if series, ok := strings.CutPrefix(line, name); !ok || series[0] != '{' && series[0] != ' ' {
			continue
		}
		has := true
		for _, l := range labels {
			has = has && strings.Contains(line, l)
		}
		if has {
			fields := strings.Fields(line)
			v, _ := strconv.ParseFloat(fields[len(fields)-1], 64)
			total += v
		}
	}
	return total
}
