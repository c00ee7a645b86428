package usage

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestCountIsUnknownUnlessSet(t *testing.T) {
	var u Usage
	if text, _ := json.Marshal(u); string(text) != `{"input_uncached":null,"cache_read":null,"cache_write":null,"output":null,"reasoning":null,"total":null}` {
		t.Errorf("an empty usage is %s", text)
	}
	u.Output = Known(0)
	if n, known := u.Output.Value(); n != 0 || !known || u.Output == u.Total || u.Output.String() != "0" || u.Total.String() != "unknown" {
		t.Error("zero and unknown are not told apart")
	}
}

func TestOneNormalFormForEveryFamily(t *testing.T) {
	for _, c := range []struct {
		family, usage string
		want          Usage
	}{
		{"OpenAI: cached is a part", `{"prompt_tokens":100,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30}}`,
			Usage{InputUncached: Known(10), CacheRead: Known(60), CacheWrite: Known(30), Output: Known(10), Total: Known(110)}},
		{"OpenAI Responses: cached is a part", `{"input_tokens":100,"output_tokens":10,"input_tokens_details":{"cached_tokens":60}}`,
			Usage{InputUncached: Known(40), CacheRead: Known(60), Output: Known(10), Total: Known(110)}},
		{"realtime: singular", `{"input_tokens":100,"output_tokens":10,"input_token_details":{"cached_tokens":60},"output_token_details":{"text_tokens":4}}`,
			Usage{InputUncached: Known(40), CacheRead: Known(60), Output: Known(10), Total: Known(110)}},
		{"Anthropic: cached is on top", `{"input_tokens":100,"output_tokens":10,"cache_read_input_tokens":60,"cache_creation_input_tokens":30}`,
			Usage{InputUncached: Known(100), CacheRead: Known(60), CacheWrite: Known(30), Output: Known(10), Total: Known(200)}},
		{"Anthropic: the split alone", `{"input_tokens":100,"output_tokens":10,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":10}}`,
			Usage{InputUncached: Known(100), CacheWrite: Known(30), CacheWrite1h: Known(10), Output: Known(10), Total: Known(140)}},
		{"no cached figure", `{"input_tokens":100,"output_tokens":10}`,
			Usage{InputUncached: Known(100), Output: Known(10), Total: Known(110)}},
		{"the provider's total stands", `{"prompt_tokens":100,"completion_tokens":10,"total_tokens":111}`,
			Usage{InputUncached: Known(100), Output: Known(10), Total: Known(111)}},
		{"no sum of unknown parts", `{"prompt_tokens":100}`, Usage{InputUncached: Known(100)}},
		{"a part larger than the whole", `{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":60}}`,
			Usage{CacheRead: Known(60), Output: Known(1), Total: Known(6)}},
		{"DeepSeek", `{"prompt_tokens":100,"completion_tokens":10,"prompt_cache_hit_tokens":60,"prompt_cache_miss_tokens":40}`,
			Usage{InputUncached: Known(40), CacheRead: Known(60), Output: Known(10), Total: Known(110)}},
		{"both families, zeros in one", `{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"input_tokens":0,"output_tokens":0,"input_tokens_details":null}`,
			Usage{InputUncached: Known(9), Output: Known(12), Total: Known(21)}},
		{"both families, zeros in the other", `{"prompt_tokens":0,"completion_tokens":0,"input_tokens":9,"output_tokens":12,"total_tokens":21}`,
			Usage{InputUncached: Known(9), Output: Known(12), Total: Known(21)}},
		{"both families, zeros in all of the other", `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"prompt_tokens_details":{"cached_tokens":0},"input_tokens":9,"output_tokens":4,"cache_read_input_tokens":500}`,
			Usage{InputUncached: Known(9), CacheRead: Known(500), Output: Known(4), Total: Known(513)}},
		{"prompt_tokens with Anthropic's names beside them", `{"prompt_tokens":100,"completion_tokens":10,"cache_read_input_tokens":60,"cache_creation_input_tokens":30}`,
			Usage{InputUncached: Known(10), CacheRead: Known(60), CacheWrite: Known(30), Output: Known(10), Total: Known(110)}},
		{"Cohere: tokens, not what was billed", `{"tokens":{"input_tokens":71.0,"output_tokens":4e2},"billed_units":{"input_tokens":17,"output_tokens":1},"cached_tokens":1.0}`,
			Usage{InputUncached: Known(70), CacheRead: Known(1), Output: Known(400), Total: Known(471)}},
		{"zero is known", `{"prompt_tokens":0,"completion_tokens":0}`, Usage{InputUncached: Known(0), Output: Known(0), Total: Known(0)}},
	} {
		got := answers(t, jsonHead, `{"usage":`+c.usage+`}`).Usage
		if string(got.Raw) != c.usage {
			t.Errorf("%s: raw is %s", c.family, got.Raw)
		}
		got.Raw = nil
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %s, want %s", c.family, show(got), show(c.want))
		}
	}
	for usage, want := range map[string]Usage{
		`{"promptTokenCount":9,"thoughtsTokenCount":4,"totalTokenCount":13}`:                                 {InputUncached: Known(9), Output: Known(4), Reasoning: Known(4), Total: Known(13)},
		`{"promptTokenCount":9,"responseTokenCount":4,"toolUsePromptTokenCount":2}`:                          {InputUncached: Known(11), Output: Known(4), Total: Known(15)},
		`{"promptTokenCount":9,"candidatesTokenCount":4,"thoughtsTokenCount":3,"cachedContentTokenCount":8}`: {InputUncached: Known(1), CacheRead: Known(8), Output: Known(7), Reasoning: Known(3), Total: Known(16)},
	} {
		got := answers(t, jsonHead, `{"usageMetadata":`+usage+`}`).Usage
		got.Raw = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Gemini %s: got %s, want %s", usage, show(got), show(want))
		}
	}
}
