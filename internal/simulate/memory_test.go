package simulate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestEventsHaveExactlyTheChosenSize(t *testing.T) {
	server := start(t, Options{})
	first := map[string]int{"chat": 1, "messages": 3, "responses": 4}
	for _, s := range streams {
		for _, size := range []int{900, 20_000} {
			res := ask(t, server.URL()+s.path, s.body, "X-Sim-Size", fmt.Sprint(size), "X-Sim-Tokens", "12")
			r := bufio.NewReader(res.Body)
			for i := range first[s.name] + 12 {
				event, err := s.next(r)
				if err != nil {
					t.Fatal(s.name, err)
				}
				if i >= first[s.name] && len(event) != size {
					t.Errorf("%s: event %d has %d bytes, want %d: %.200s", s.name, i, len(event), size, event)
				}
			}
		}
	}
}

// None of these may cost more than what is said about them.
func TestRequestsThatAskForTooMuchAreRefused(t *testing.T) {
	server := start(t, Options{})
	long := strings.Repeat("m", maxModel+1)
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/v1/chat/completions?sim_size=1048576&sim_tokens=17", `{"stream":true,"messages":[]}`, 400},
		{"/v1/chat/completions", `{"model":"` + long + `","messages":[]}`, 400},
		{"/v1beta/models/" + long + ":generateContent", `{}`, 400},
		{"/v1/embeddings", `{"dimensions":65536,"input":[` + strings.Repeat(`"",`, 64) + `""]}`, 400},
		{"/v1/chat/completions", `{"messages":"` + strings.Repeat("x", maxBody) + `"}`, 413},
		{"/v1/messages", `{"messages":[` + strings.Repeat("{},", maxHeld/512) + `{}]}`, 503},
		{"/v1/models?" + strings.Repeat("x", 2*maxHead), "", 431},
	} {
		method := http.MethodPost
		if c.body == "" {
			method = http.MethodGet
		}
		res, err := call(t, t.Context(), method, server.URL()+c.path, c.body)
		if err != nil {
			t.Errorf("%.60s: %v", c.path, err)
		} else if res.StatusCode != c.status {
			t.Errorf("%.60s %.60s: %s, want %d", c.path, c.body, res.Status, c.status)
		}
	}
	if err := server.Close(); err != nil { // which waits for all of them
		t.Fatal(err)
	}
	if held := server.provider.memory.held.Load(); held != 0 {
		t.Errorf("%d bytes are counted when all requests have ended", held)
	}
}

func TestRequestIsCountedUntilItsAnswerHasEnded(t *testing.T) {
	server := start(t, Options{Gate: make(chan struct{})})
	res := ask(t, server.URL()+"/v1/chat/completions?sim_size=4096", `{"stream":true,"messages":[]}`)
	held := &server.provider.memory.held
	if n := held.Load(); res.StatusCode != 200 || n < 4096*DefaultTokens {
		t.Errorf("%s, %d bytes are counted for a stream of %d", res.Status, n, 4096*DefaultTokens)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if n := held.Load(); n != 0 {
		t.Errorf("%d bytes are counted when it has ended", n)
	}
}

func TestAllRequestsTogetherHoldNoMoreThanTheBound(t *testing.T) {
	server := start(t, Options{})
	const chat = "/v1/chat/completions"
	held := &server.provider.memory.held
	refused := func(what, path, body string, headers ...string) {
		t.Helper()
		res := ask(t, server.URL()+path, body, headers...)
		if got := string(read[json.RawMessage](t, res)); res.StatusCode != 503 || !strings.Contains(got, "holds as much as it may") {
			t.Errorf("%s: %s %s", what, res.Status, got)
		}
	}
	stream := `{"stream":true,"messages":[]}`
	const others = maxHeld - 100_000
	held.Add(others)
	if res := ask(t, server.URL()+chat, stream); res.StatusCode != 200 {
		t.Fatalf("a small request: %s", res.Status)
	}
	refused("a large body", chat, `{"messages":"`+strings.Repeat("x", 100_000)+`"}`)
	refused("a body of many values", chat, `{"messages":[`+strings.Repeat("0,", 4000)+`0]}`)
	refused("a long stream", chat, stream, "X-Sim-Tokens", "10000")
	refused("large events", chat, stream, "X-Sim-Size", "8192")
	refused("a large answer", chat, chatBody, "X-Sim-Size", "200000")
	refused("a compressor", chat, chatBody, "X-Sim-Encoding", "br")
	refused("vectors", "/v1/embeddings", `{"dimensions":10000,"input":"x"}`)
	held.Add(-others)
	if res := ask(t, server.URL()+chat, chatBody, "X-Sim-Encoding", "br"); res.StatusCode != 200 {
		t.Errorf("when there is room again: %s", res.Status)
	}
}

// What an answer repeats of a message is repeated in every event.
func TestLongWordsAreNotRepeated(t *testing.T) {
	if got := Answer("so "+strings.Repeat("x", longestEcho+1)+" on", 4); got != "You said: so This" {
		t.Errorf("%q", got)
	}
}
