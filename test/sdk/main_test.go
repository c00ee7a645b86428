package sdk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the gateway to go through; empty: the clients call the provider
// itself. Set once, before any test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("SDK_TEST_DIRECT") != "" {
		return m.Run()
	}
	if binary = os.Getenv("AIGW_BIN"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "ai-gw-lite-sdk")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "ai-gw-lite.exe") // a name that runs everywhere
	build := exec.Command("go", "build", "-o", binary, "ai-gw-lite/cmd/ai-gw-lite")
	build.Dir = filepath.Join("..", "..") // the gateway's own module
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the gateway: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
