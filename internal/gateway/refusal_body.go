package gateway

import (
	"bytes"
	"encoding/json"
)

// body is the refusal as the client reads it. In native form it takes the
// shape that the SDK behind the path parses, so that it raises its own typed
// error; the code is in it, and in x-gw-error either way.
func (r *Refusal) body(native bool, caller sdk) []byte {
	if !native {
		return []byte(`{"error":"` + r.Code + `"}`)
	}
	message := "gateway: " + r.Code
	var shape any
	switch caller {
	case anthropicSDK:
		shape = map[string]any{"type": "error", "error": map[string]any{"type": anthropicType(r.Status), "message": message}}
	case geminiSDK:
		shape = map[string]any{"error": map[string]any{"code": r.Status, "message": message, "status": googleStatus(r.Status)}}
	default:
		shape = map[string]any{"error": map[string]any{"message": message, "type": openAIType(r.Status), "param": nil, "code": r.Code}}
	}
	b, err := json.Marshal(shape)
	if err != nil {
		panic(err) // strings and numbers alone
	}
	return b
}

type sdk uint8

const (
	openAISDK sdk = iota
	anthropicSDK
	geminiSDK
)

// sdkOf tells by the path which SDK is calling.
func sdkOf(path []byte) sdk {
	switch {
	case bytes.Contains(path, []byte("/v1beta/openai/")), bytes.Contains(path, []byte("/chat/completions")): // Gemini's and Vertex AI's APIs for OpenAI's SDKs
		return openAISDK
	case bytes.Contains(path, []byte("/v1/messages")):
		return anthropicSDK
	}
	for _, theirs := range geminiPaths {
		if bytes.Contains(path, theirs) {
			return geminiSDK
		}
	}
	return openAISDK
}

// geminiPaths are what paths of Gemini's API hold: its versions (python-genai's
// api_version; v1beta1 is Vertex AI's), and its methods, which are called under
// v1 too.
var geminiPaths = [][]byte{
	[]byte("/v1beta/"), []byte("/v1alpha/"), []byte("/v1beta1/"),
	[]byte(":generateContent"), []byte(":streamGenerateContent"), []byte(":countTokens"), []byte(":embedContent"), []byte(":batchEmbedContents"),
}

// anthropicType is the error type that Anthropic documents for a status
// (docs.anthropic.com/en/api/errors).
func anthropicType(status int) string {
	switch status {
	case 400:
		return "invalid_request_error"
	case 401:
		return "authentication_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 429:
		return "rate_limit_error"
	case 504:
		return "timeout_error"
	}
	return "api_error"
}

// openAIType is the error type that OpenAI sends with a status
// (platform.openai.com/docs/guides/error-codes).
func openAIType(status int) string {
	switch status {
	case 401:
		return "authentication_error"
	case 403:
		return "permission_error"
	case 429:
		return "rate_limit_error"
	}
	if status < 500 {
		return "invalid_request_error"
	}
	return "server_error"
}

// googleStatus is the canonical code for a status (google/rpc/code.proto).
func googleStatus(status int) string {
	switch status {
	case 400:
		return "INVALID_ARGUMENT"
	case 401:
		return "UNAUTHENTICATED"
	case 403:
		return "PERMISSION_DENIED"
	case 404:
		return "NOT_FOUND"
	case 426:
		return "FAILED_PRECONDITION"
	case 429:
		return "RESOURCE_EXHAUSTED"
	case 504:
		return "DEADLINE_EXCEEDED"
	}
	return "UNAVAILABLE"
}
