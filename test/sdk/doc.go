// Package sdk has no code of its own: its tests call a simulated provider
// through the gateway with the official Go clients of OpenAI, Anthropic and
// Google, since what those see is what users see. It is a module apart, so that
// the clients are no dependencies of the gateway.
//
//	go test ./...                     builds the gateway and goes through it
//	AIGW_BIN=/path/ai-gw-lite go test ./...      goes through that binary
//	SDK_TEST_DIRECT=1 go test ./...   leaves the gateway out, which tells whose fault a failure is
package sdk
