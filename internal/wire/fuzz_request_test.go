package wire

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzRequest holds that whatever wire takes for a request, net/http takes for
// the same: method, target, header lines, host, framing, body, and what is left
// behind the body. Where wire refuses, net/http may do as it likes.
func FuzzRequest(f *testing.F) {
	for _, s := range smuggling() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		ours, h, err := wireRequest([][]byte{bytes.Clone(stream)})
		if err != nil {
			return
		}
		line, _, _ := bytes.Cut(stream, []byte("\r\n"))
		target := string(bytes.Fields(line)[1])
		theirs, req, err := goRequest(stream)
		if err != nil && isOfTheTarget(err, target) {
			plain := bytes.Replace(stream, []byte(" "+target+" "), []byte(" / "), 1)
			theirs, _, err = goRequest(plain)
		} else if err == nil {
			compareTarget(t, h, req, target)
		}
		if isTooMuchOverhead(err) || isOfTheTrailerLine(err) {
			return
		}
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", stream, err)
		}
		if ours.framing == ByLength && ours.length == 0 {
			ours.framing = NoBody // net/http does not tell them apart
		}
		compare(t, stream, ours, theirs)
		if clean, err := parseBytes(h); err != nil {
			t.Errorf("%q: what is sent on is refused: %v", clean, err)
		}
	})
}

// parseBytes reads a head again that is written from its parts.
func parseBytes(h *RequestHead) ([]byte, error) {
	b := fmt.Appendf(nil, "%s %s HTTP/1.%d\r\n", h.Method, h.Target, h.Minor)
	b = append(AppendFields(b, h.Fields), "\r\n"...)
	again := new(RequestHead)
	if err := ParseRequest(b, again); err != nil {
		return b, err
	}
	if again.Framing != h.Framing || again.Length != h.Length || again.Close != h.Close || !bytes.Equal(again.Target, h.Target) {
		return b, errors.New("and reads otherwise")
	}
	return b, nil
}

// compareTarget checks path and query against what net/http took from the
// target as it was sent.
func compareTarget(t *testing.T, h *RequestHead, req *http.Request, target string) {
	t.Helper()
	if req.RequestURI != target {
		t.Errorf("target %q, net/http %q", target, req.RequestURI)
	}
	if strings.HasPrefix(target, "/") && string(h.Target) != target {
		t.Errorf("target %q became %q", target, h.Target)
	}
	path, err := url.PathUnescape(string(h.Path))
	if want := req.URL.Path; err != nil || path != want && !(path == "/" && want == "") {
		t.Errorf("path %q, net/http %q, of %q", h.Path, want, target)
	}
	if query := strings.TrimPrefix(string(h.Target[len(h.Path):]), "?"); query != req.URL.RawQuery {
		t.Errorf("query %q, net/http %q, of %q", query, req.URL.RawQuery, target)
	}
}
