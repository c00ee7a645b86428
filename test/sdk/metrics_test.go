package sdk

import (
	"bufio"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// metricsToken is what whoever reads the metrics holds.
const metricsToken = "what-the-scraper-holds"

// tokensOf are the tokens counted for a model on a route, by their kind.
type tokensOf struct{ route, model string }

var tokensLine = regexp.MustCompile(`^gateway_tokens_total\{kind="([^"]*)",model="([^"]*)",route="([^"]*)"\} (\S+)$`)

// tokens reads gateway_tokens_total.
func (g *gateway) tokens(t *testing.T) map[tokensOf]figures {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", g.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+metricsToken)
	res, err := newClient(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the metrics: %s", res.Status)
	}
	found := make(map[tokensOf]figures)
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "gateway_tokens_total") {
			continue
		}
		part := tokensLine.FindStringSubmatch(lines.Text())
		if part == nil {
			t.Fatalf("unreadable: %s", lines.Text())
		}
		n, err := strconv.ParseFloat(part[4], 64)
		if err != nil {
			t.Fatal(err)
		}
		of := tokensOf{part[3], part[2]}
		if found[of] == nil {
			found[of] = make(figures)
		}
		found[of][part[1]] = int64(n)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
