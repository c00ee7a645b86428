package gateway

import "testing"

func TestCallersSDKIsToldByThePath(t *testing.T) {
	for path, want := range map[string]sdk{
		"/openai/v1/chat/completions":                   openAISDK,
		"/anthropic/v1/messages":                        anthropicSDK,
		"/anthropic/v1/messages/count_tokens":           anthropicSDK,
		"/gemini/v1beta/models/m:generateContent":       geminiSDK,
		"/vertex/v1/p/x/models/m:streamGenerateContent": geminiSDK,
		"/gemini/v1beta/openai/chat/completions":        openAISDK,
		"/v1beta1/x/endpoints/openapi/chat/completions": openAISDK,
		"/nowhere": openAISDK,
	} {
		if got := sdkOf([]byte(path)); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}
