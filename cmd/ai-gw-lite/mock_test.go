package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"ai-gw-lite/internal/simulate"
)

// startMock runs the mock in a process of its own. What it has to say at its end
// is for over.
func startMock(t *testing.T, args ...string) (url string, cmd *exec.Cmd, over chan error) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGINT")
	}
	cmd = exec.Command("ai-gw-lite", append([]string{"mock", "--listen", "127.0.0.1:0"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "curl -N "); ok {
			url, _, _ = strings.Cut(rest, " ")
			break
		}
	}
	over = make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	return url, cmd, over
}

// chat asks for a stream and returns it once its head is there.
func chat(t *testing.T, url string) *http.Response {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(simulatedQuestion))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestMockLetsAnAnswerEndBeforeItStops(t *testing.T) {
	url, cmd, over := startMock(t, "--pace", "20ms", "--tokens", "20")
	res := chat(t, url)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || !bytes.HasSuffix(body, []byte("data: [DONE]\n\n")) {
		t.Errorf("the answer ended with %.60q, %v", body[max(0, len(body)-60):], err)
	}
	if err := <-over; err != nil {
		t.Errorf("the mock ended with %v", err)
	}
}

func TestSecondSignalCutsTheMocksAnswers(t *testing.T) {
	url, cmd, over := startMock(t, "--fault", "stall", "--after", "1")
	res := chat(t, url)
	for range 2 {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		waitUntilRefused(t, url) // or the two signals become one
	}
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the answer came to an end")
	}
	if err := <-over; err == nil || cmd.ProcessState.ExitCode() != exitFailure {
		t.Errorf("the mock ended with %v", err)
	}
}

// waitUntilRefused returns when nobody listens there any more.
func waitUntilRefused(t *testing.T, url string) {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		res, err := client.Get(url)
		if err != nil {
			return
		}
		res.Body.Close()
	}
	t.Fatal("it still listens")
}

// What the flags, the queries and the page say is one list.
func TestMockPageNamesEveryControlAndFault(t *testing.T) {
	page, err := os.ReadFile("../../docs/mock.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range simulate.Controls() {
		flag, query := "`--"+c.Name, "`sim_"+strings.ReplaceAll(c.Name, "-", "_")
		if !bytes.Contains(page, []byte(flag)) || !bytes.Contains(page, []byte(query)) {
			t.Errorf("it lacks %s or %s", flag, query)
		}
		if c.Name == "fault" {
			_, faults, _ := strings.Cut(c.Use, ": ")
			for fault := range strings.SplitSeq(faults, ", ") {
				if !bytes.Contains(page, []byte("`"+fault+"`")) {
					t.Errorf("it lacks the fault %s", fault)
				}
			}
		}
	}
}
