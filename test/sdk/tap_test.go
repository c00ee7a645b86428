package sdk

import (
	"io"
	"net/http"
	"strings"
)

// tap keeps the last answer that passed, which a client may not tell about.
type tap struct {
	next http.RoundTripper
	last *http.Response
	body string
}

// tapped is the same way with a tap on it.
func tapped(w way) (way, *tap) {
	t := &tap{next: w.client.Transport}
	w.client = &http.Client{Transport: t}
	return w, t
}

func (p *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := p.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(strings.NewReader(string(data)))
	p.last, p.body = res, string(data)
	return res, err
}
