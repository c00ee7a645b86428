package usage

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Any bytes, in any pieces: no panic, and the pieces make no difference.
// Only what is given up on may depend on them, since a limit is reached within
// one piece or between two.
func FuzzScanner(f *testing.F) {
	for i, r := range recordedAnswers(f) {
		f.Add(r.head.ContentType, "", r.body, uint16(i*7+1))
		c := codings[i%len(codings)]
		f.Add(r.head.ContentType, c.header, c.encode(f, r.body), uint16(i*13+1))
	}
	f.Add("text/event-stream", "", []byte("data: [DO\r\rdata: {\"usage\":{\"prompt_tokens\":1e2\n}}\n\n"), uint16(3))
	f.Add("", "", []byte("\n \xef\xbb\xbf data: {\"usage\":{\"prompt_tokens\":1}}\n\n"), uint16(0))
	f.Fuzz(func(t *testing.T, contentType, coding string, body []byte, size uint16) {
		head := Response{Status: 200, ContentType: contentType, ContentEncoding: coding, Path: "/v1/messages"}
		whole := scanned(head, true, body)
		check := func(got Result, how string) {
			if whole.GaveUp || got.GaveUp {
				if u := got.Usage; got.GaveUp && !reflect.DeepEqual(u, Usage{}) {
					t.Fatalf("%s: given up on, and yet %s", how, show(u))
				}
				return
			}
			if !reflect.DeepEqual(got, whole) {
				t.Fatalf("%s: %s, whole: %s", how, show(got), show(whole))
			}
		}
		check(whole, "whole")
		if raw := whole.Usage.Raw; raw != nil && (!json.Valid(raw) || len(raw) > 2*rawMax+1<<10) {
			t.Fatalf("raw usage of %d bytes", len(raw))
		}
		var pieces [][]byte
		for rest := body; len(rest) > 0; {
			n := min(int(size)%97+1, len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		check(scanned(head, true, pieces...), "in pieces")
		if len(body) <= 4<<10 {
			check(scanned(head, true, byteByByte(body)...), "byte by byte")
		}
	})
}
