//go:build linux

package ops

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
)

// In an image with the program alone in it there are no time zones to read: TZ
// holds there too, for the log's times and the names of its files.
func TestLocalTimeNeedsNoFilesOfTheSystem(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may change the root")
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "ai-gw-lite"), "ai-gw-lite/cmd/ai-gw-lite")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the gateway: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), []byte(configOf("http://127.0.0.1:1", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dev", "null"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out := new(lines)
	c := exec.Command("/ai-gw-lite", "--config", "/gateway.yaml")
	c.Dir, c.Env, c.Stderr = "/", []string{"TZ=Asia/Tokyo"}, out
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: dir}
	if err := c.Start(); errors.Is(err, syscall.EPERM) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
	}()
	g := &gateway{t: t}
	serving := regexp.MustCompile(`time=\S+\+09:00 level=INFO msg=serving`)
	g.await("a line with Tokyo's time", func() bool { return serving.MatchString(out.String()) })
}
