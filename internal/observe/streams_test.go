package observe

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/simulate"
	"ai-gw-lite/internal/usage"
	"ai-gw-lite/internal/wire"
)

func withAdmin(c *config.Config) {
	c.Admin = config.Admin{Enabled: true, Token: markAdmin, PathPrefix: "/admin"}
}

func TestAStreamIsListedWhileItLasts(t *testing.T) {
	gate := make(chan struct{})
	r := startRig(t, simulate.Options{Gate: gate}, asked(), withAdmin)
	res := r.open("/ai/v1/messages", `{"model":"claude-5","stream":true,"max_tokens":99,"messages":[{"role":"user","content":"one two three"}]}`, "X-Request-Id: mine")
	defer res.Body.Close()
	one := make([]byte, 1)
	gate <- struct{}{}
	if _, err := io.ReadFull(res.Body, one); err != nil {
		t.Fatal(err)
	}
	list := r.Streams()
	if len(list) != 1 {
		t.Fatalf("there are %d streams, want 1", len(list))
	}
	s := list[0]
	if s.ID != "mine" || s.Route != "ai" || s.Model != "claude-5" || s.Upstream != r.provider.URL() || s.State != Streaming ||
		s.TTFBMS == nil || s.BytesIn == 0 || s.BytesOut == 0 || s.Events != 1 || len(s.Token) != 8 {
		t.Errorf("got %+v", s)
	}
	close(gate)
	io.Copy(io.Discard, res.Body)
	r.outcome()
	if list := r.Streams(); len(list) != 0 {
		t.Errorf("after its end there is %+v", list)
	}
}

func TestTheStateSaysWhatAnExchangeDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := loadConfig(t, "http://127.0.0.1:1", nil)
		withAdmin(c)
		o, err := New(Options{Config: c, Stdout: new(buffer), Stderr: new(buffer)})
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close(time.Second)
		b := beginning("POST", chatPath, "application/json")
		b.RequestID = ""
		b.Head.Framing, b.Head.Length = wire.ByLength, 20
		w := o.Begin(b)
		look := func() Stream { t.Helper(); return o.Streams()[0] }

		w.RequestBytes([]byte(`{"model":`))
		time.Sleep(2 * time.Second)
		if s := look(); s.State != Uploading || s.IdleMS != 2000 || s.AgeMS != 2000 || s.TTFBMS != nil || s.ID != "1" {
			t.Errorf("within its body: %+v", s)
		}
		w.Attempt("official", "main")
		w.RequestBytes([]byte(`"m-1", "n":1`)[:11])
		if s := look(); s.State != Waiting || s.IdleMS != 0 || s.Model != "m-1" || s.Upstream != "official" || s.Key != "main" || s.BytesIn != 20 {
			t.Errorf("behind its body: %+v", s)
		}
		time.Sleep(time.Second)
		w.ResponseHead(answerHead(200, "application/x-ndjson"))
		w.ResponseBytes([]byte("{\"model\":\"m-1\",\"eval_count\":7}\n"))
		if s := look(); s.State != Streaming || *s.TTFBMS != 3000 || s.Events != 1 || s.Tokens != usage.Known(7) {
			t.Errorf("within its answer: %+v", s)
		}
		w.End(&gateway.Outcome{End: gateway.Complete})

		// A recorder that is used again shows nothing of the exchange before.
		w = o.Begin(beginning("HEAD", chatPath, ""))
		if s := look(); s.State != Waiting || s.Model != "" || s.BytesIn != 0 || s.Upstream != "" {
			t.Errorf("the next one begins as %+v", s)
		}
		w.ResponseHead(answerHead(200, "application/json"))
		if s := look(); s.State != Answering || s.Events != 0 || s.Tokens != (usage.Count{}) || s.Model != "" {
			t.Errorf("the next one's answer is %+v", s)
		}
		w.End(&gateway.Outcome{End: gateway.Complete})

		w = o.Begin(beginning("POST", chatPath, "")) // whose body nobody could read
		w.ResponseHead(answerHead(200, "text/event-stream"))
		w.ResponseBytes([]byte("data: {\"model\":\"m-2\"}\n\n"))
		if s := look(); s.Model != "m-2" {
			t.Errorf("a model that the answer alone names: %+v", s)
		}
		w.End(&gateway.Outcome{End: gateway.Complete})

		w = o.Begin(beginning("GET", "/ai/v1/realtime", ""))
		w.ResponseHead(&gateway.Response{Status: 101})
		w.ResponseBytes([]byte("\x81\x02{}"))
		if s := look(); s.State != Tunnelled || s.Events != 1 {
			t.Errorf("a session is %+v", s)
		}
		w.End(&gateway.Outcome{End: gateway.Complete})
	})
}

func TestTheListIsJSONWithTheOldestFirst(t *testing.T) {
	c := loadConfig(t, "http://127.0.0.1:1", nil)
	withAdmin(c)
	o := newObservatory(t, c)
	var text bytes.Buffer
	o.StreamsText(&text)
	if text.String() != `{"streams":[]}`+"\n" {
		t.Errorf("an empty list is %q", text.String())
	}
	for _, id := range []string{"young", "old"} {
		b := beginning("POST", chatPath, "")
		b.RequestID = id
		if id == "old" {
			b.Start = b.Start.Add(-time.Hour)
		}
		w := o.Begin(b)
		defer w.End(&gateway.Outcome{})
	}
	text.Reset()
	o.StreamsText(&text)
	var list struct{ Streams []json.RawMessage }
	if err := json.Unmarshal(text.Bytes(), &list); err != nil || len(list.Streams) != 2 {
		t.Fatalf("%v: %s", err, &text)
	}
	if first := string(list.Streams[0]); !strings.Contains(first, `"id":"old"`) || !strings.Contains(first, `"tokens":null`) {
		t.Errorf("the first is %s", first)
	}
	want := []string{"id", "age_ms", "route", "token", "model", "upstream", "key", "state", "ttfb_ms", "bytes_in", "bytes_out", "events", "tokens", "idle_ms"}
	if got := keysOf(t, string(list.Streams[0])); !reflect.DeepEqual(got, want) {
		t.Errorf("the fields are %q", got)
	}
}

// For the race detector.
func TestLookingDisturbsNobody(t *testing.T) {
	r := startRig(t, simulate.Options{}, asked(), withAdmin)
	stop := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				r.Streams()
			}
		}
	})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 20 {
				body := chatPlain
				if i%2 == 0 {
					body = chatSSE
				}
				r.post(chatPath, body)
			}
		})
	}
	all.Wait()
	close(stop)
	looking.Wait()
	if list := r.Streams(); len(list) != 0 {
		t.Errorf("%d are left", len(list))
	}
}

// An operator asks with curl, and clients name models as they like.
func TestTheListCommandsNoTerminal(t *testing.T) {
	c := loadConfig(t, "http://127.0.0.1:1", nil)
	withAdmin(c)
	o := newObservatory(t, c)
	const model = "a\u009b31m\u202eb\u007f 通" // what begins a command, what turns text around
	w := o.Begin(beginning("POST", chatPath, "application/json"))
	defer w.End(new(gateway.Outcome))
	w.RequestBytes([]byte(`{"model":"` + model + `"}`))
	var text bytes.Buffer
	o.StreamsText(&text)
	var list StreamList
	if err := json.Unmarshal(text.Bytes(), &list); err != nil || list.Streams[0].Model != model {
		t.Errorf("%v; the list says %+v", err, list)
	}
	if strings.ContainsAny(strings.TrimSuffix(text.String(), "\n"), "\u009b\u202e\u007f\n") {
		t.Errorf("the list is %q", text.String())
	}
}
