package config

import _ "embed"

//go:embed starter.yaml
var starter []byte

// Starter is the config that a newcomer begins with: OpenAI, Anthropic and
// Gemini behind one gateway, for their SDKs as they are. The caller owns the
// copy it gets.
func Starter() []byte { return append([]byte(nil), starter...) }
