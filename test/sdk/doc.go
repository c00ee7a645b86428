// Package sdk has no code of its own: its tests call a simulated provider
// through the gateway with the official Go clients of OpenAI, Anthropic and
// Google, since what those see is what users see. It is a module apart, so that
// the clients are no dependencies of the gateway.
//
//	go test -count=1 ./...                     builds the gateway and goes through it
//	AIGW_BIN=/path/ai-gw-lite go test -count=1 ./...      goes through that binary
//	SDK_TEST_DIRECT=1 go test -count=1 ./...   leaves the gateway out, which tells whose fault a failure is
//
// The go command does not see that the gateway has changed, since it is no
// dependency: without -count=1 it may tell of a run with another one.
package sdk
