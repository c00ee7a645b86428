//go:build unix

package ops

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the gateway, built once; next is another version of it.
var binary, next string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ai-gw-lite-ops-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary, next = filepath.Join(dir, "ai-gw-lite"), filepath.Join(dir, "next")
	for version, path := range map[string]string{"this": binary, "next": next} {
		args := []string{"build", "-o", path, "-ldflags", "-X main.version=" + version}
		if raceEnabled {
			args = append(args, "-race")
		}
		c := exec.Command("go", append(args, "ai-gw-lite/cmd/ai-gw-lite")...)
		c.Stdout, c.Stderr = os.Stderr, os.Stderr
		if err := c.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "building the gateway:", err)
			return 1
		}
	}
	return m.Run()
}
