package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestHeaderLinesKeepTheirOrderAndCase(t *testing.T) {
	const lines = "hOST: gw\r\n" +
		"X-Stainless-OS: Linux\r\n" +
		"x-b: 2\r\n" +
		"X-B: 1\r\n" +
		"Set-Cookie: a=b; Path=/\r\n" +
		"Empty: \r\n" +
		"x-b: \"two  blanks\",\ttab\r\n" +
		"caf: \xc3\xa9\xff\r\n" +
		"!#$%&'*+-.^_`|~09: every byte of a token\r\n"
	h := mustParse(t, "GET / HTTP/1.1\r\n"+lines+"\r\n")
	if got := string(AppendFields(nil, h.Fields)); got != lines {
		t.Errorf("the lines became\n%s", got)
	}
}

func TestBlanksAroundAValueAreNotPartOfIt(t *testing.T) {
	for _, line := range []string{"X:v", "X: v", "X:\tv", "X: \t v \t", "X:v "} {
		h := mustParse(t, "GET / HTTP/1.0\r\n"+line+"\r\n\r\n")
		if f := h.Fields[0]; string(f.Name) != "X" || string(f.Value) != "v" {
			t.Errorf("%q: name %q, value %q", line, f.Name, f.Value)
		}
	}
}

// Each other line is looked for among the options: a thousand lines and 60 KB of
// options took more than a second.
func TestConnectionOptionsAreBounded(t *testing.T) {
	long := "Connection: " + strings.Repeat("a,", 511) + "a\r\n"
	for what, parse := range map[string]func(lines string) error{
		"request": func(lines string) error {
			return ParseRequest([]byte("GET / HTTP/1.0\r\n"+lines+"\r\n"), new(RequestHead))
		},
		"response": func(lines string) error {
			return ParseResponse([]byte("HTTP/1.1 200 OK\r\n"+lines+"\r\n"), new(ResponseHead), false)
		},
	} {
		if err := parse(long + "Connection: b\r\n"); err != nil {
			t.Errorf("1 KiB of options in a %s: %v", what, err)
		}
		var e *Error
		if err := parse(long + "Connection: bc\r\n"); !errors.As(err, &e) || e.Status != 431 {
			t.Errorf("a byte more in a %s: got %v, want a 431", what, err)
		}
	}
}

func TestMalformedHeaderLineIsRefused(t *testing.T) {
	for _, line := range []string{
		"justtext",
		": no name",
		"X : blank before the colon",
		"X\t: tab before the colon",
		" X: fold",
		"\tX: fold",
		" fold",
		"\tfold",
		"X A: b",
		"X@A: b",
		"X(A): b",
		"X\"A\": b",
		"X/A: b",
		"X=A: b",
		"X;A: b",
		"X,A: b",
		"X[A]: b",
		"{X}: b",
		"X\\A: b",
		"X\x00A: b",
		"X\x7fA: b",
		"X\xc3\xa9: b",
		"X-A: a\x00b",
		"X-A: \x00",
		"X-A: a\rX-B: b",
		"X-A: a\r",
		"X-A: \vb",
		"X-A: a\fb",
		"X-A: \x1b[0m",
		"X-A: a\x7f",
		"X-A: \x01",
		"X-A: a\r\n b\r\n\tc",
		"X-A: a\r\n ",
		"X-A: a\n",
		"X-A: a\nX-B: b",
	} {
		for _, head := range []string{
			"GET / HTTP/1.1\r\nHost: gw\r\n" + line + "\r\n\r\n",
			"GET / HTTP/1.1\r\n" + line + "\r\nHost: gw\r\n\r\n",
			"GET / HTTP/1.0\r\n" + line + "\r\n\r\n",
		} {
			if _, err := parsed(t, head); statusOf(err) != 400 {
				t.Errorf("%q: error %v, want a 400", head, err)
			}
		}
		if err := parseAnswer("HTTP/1.1 200 OK\r\n"+line+"\r\n\r\n", new(ResponseHead), false); err == nil {
			t.Errorf("%q is accepted in a response", line)
		}
	}
}

func TestMoreThanAThousandHeaderLinesAreA431(t *testing.T) {
	for n, status := range map[int]int{999: 0, 1000: 0, 1001: 431, 1002: 431} {
		_, err := parsed(t, "GET / HTTP/1.1\r\nHost: gw\r\n"+strings.Repeat("a:\r\n", n-1)+"\r\n")
		if got := statusOf(err); got != status {
			t.Errorf("%d lines: status %d (%v), want %d", n, got, err, status)
		}
	}
}

func TestNominationCoversExactlyTheNamedHeaders(t *testing.T) {
	h := mustParse(t, "GET / HTTP/1.1\r\nHost: gw\r\nConnection: close, X-One ,,x-TWO\r\nConnection: x-three\r\nX-Four: X-Five\r\n\r\n")
	for name, want := range map[string]bool{
		"X-One": true, "x-one": true, "X-Two": true, "X-THREE": true,
		"X-Four": false, "X-Five": false, "X-On": false, "X-One1": false,
	} {
		if got := IsNominated(h.Fields, []byte(name)); got != want {
			t.Errorf("%q nominated: %v", name, got)
		}
	}
}

func TestKnownNamesAreRecognisedInAnyCase(t *testing.T) {
	for name, known := range knownNames {
		for _, spelled := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			if got := Recognise([]byte(spelled)); got != known {
				t.Errorf("%q is number %d, want %d", spelled, got, known)
			}
		}
		for _, other := range []string{"x" + name, name + "x", name[1:], strings.ReplaceAll(name, "-", "_") + "_"} {
			if got := Recognise([]byte(other)); got != Other && got != AccessControl && got != knownNames[other] {
				t.Errorf("%q is number %d", other, got)
			}
		}
	}
	for name, known := range map[string]Known{
		"Access-Control-Allow-Origin":                      AccessControl,
		"ACCESS-CONTROL-":                                  AccessControl,
		"Access-Control-A-Name-That-Is-Rather-Long-Indeed": AccessControl,
		"Access-Control":                                   Other,
		"X-Access-Control-Allow-Origin":                    Other,
		"A-Name-That-Is-Longer-Than-Any-That-Is-Known":     Other,
		"": Other,
	} {
		if got := Recognise([]byte(name)); got != known {
			t.Errorf("%q is number %d, want %d", name, got, known)
		}
	}
}

func TestHopByHopHeadersAreTheNineOfTheRFC(t *testing.T) {
	var got []string
	for name, known := range knownNames {
		if known.IsHopByHop() {
			got = append(got, name)
		}
	}
	want := []string{"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
	if len(got) != len(want) {
		t.Errorf("hop by hop are %q", got)
	}
	for _, name := range want {
		if !Recognise([]byte(name)).IsHopByHop() {
			t.Errorf("%q is not hop by hop", name)
		}
	}
}

func TestListIsTakenApartAtItsCommas(t *testing.T) {
	for list, want := range map[string]string{
		"":           "[]",
		"a":          "[a]",
		" a\t":       "[a]",
		"a,b":        "[a b]",
		"a , b":      "[a b]",
		",a,,b,":     "[ a  b]",
		"\"a,b\", c": "[\"a b\" c]", // quotes mean nothing in the lists we read
	} {
		got := []string{}
		for rest := []byte(list); len(rest) > 0; {
			var e []byte
			e, rest = NextElement(rest)
			got = append(got, string(e))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%q holds %q", list, got)
		}
	}
}
