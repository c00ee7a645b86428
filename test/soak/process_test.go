package soak

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	token       = "gw_soak-token"
	providerKey = "sk-soak-key"

	// maxDownstream and maxPerKey are far more than the load needs: who meets
	// them has met slots that were not given back.
	maxDownstream = 250
	maxPerKey     = 100
)

// buildFlags builds the gateway as the test was built.
var buildFlags []string

// build builds the program.
func build(t *testing.T) (binary string) {
	binary = filepath.Join(t.TempDir(), "ai-gw-lite")
	args := append([]string{"build", "-o", binary}, buildFlags...)
	if out, err := exec.Command("go", append(args, "ai-gw-lite/cmd/ai-gw-lite")...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// process is a gateway.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	secure  bool
	address string
	config  string // its path
	routes  []routeText
	log     *journal
}

// startProcess runs a gateway whose routes lead to the provider.
func startProcess(t *testing.T, binary string, secure bool, u *provider, rootFile string) *process {
	g := &process{t: t, secure: secure, address: freeAddress(t), log: new(journal)}
	g.config = filepath.Join(t.TempDir(), "config.yaml")
	g.routes = u.routes()
	g.writeConfig(0)
	g.cmd = exec.Command(binary, "--config", g.config)
	g.cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+rootFile)
	g.cmd.Stderr = g.log
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.cmd.Process.Kill(); g.cmd.Wait() })
	g.awaitHealthy()
	return g
}

func (g *process) awaitHealthy() {
	c := newClient2(g)
	defer c.reset()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		req, _ := http.NewRequest("GET", g.url()+"/healthz", nil)
		res, err := c.transport.RoundTrip(req)
		if err == nil {
			res.Body.Close()
			return
		}
		if time.Now().After(end) {
			g.t.Fatalf("the gateway does not answer: %v\n%s", err, g.log)
		}
	}
}

// writeConfig writes the n-th configuration. Each leads to the same upstreams
// with the same keys and limits; the rest comes and goes, and moves about.
func (g *process) writeConfig(n int) {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: %q\n", g.address)
	if g.secure {
		b.WriteString("inbound_tls: {self_signed_cert_path: own.crt, self_signed_key_path: own.key}\n")
	}
	fmt.Fprintf(&b, "gateway_auth: {tokens: [%q, %q]}\n", fmt.Sprint("gw_other-", n), token)
	fmt.Fprintf(&b, "concurrency: {downstream_max_inflight: %d, upstream_per_key_max_inflight: %d}\n", maxDownstream, maxPerKey)
	b.WriteString("routes:\n")
	for i := range g.routes {
		b.WriteString(g.routes[(i+n)%len(g.routes)](n))
	}
	fmt.Fprintf(&b, "  - {id: spare%[1]d, prefix: /spare/%[1]d, upstream: {base_url: \"http://127.0.0.1:1\", inject_headers: [{name: authorization, value: spare}]}}\n", n%3)
	if err := os.WriteFile(g.config+".new", []byte(b.String()), 0o600); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(g.config+".new", g.config); err != nil {
		g.t.Fatal(err)
	}
}

// reload puts the n-th configuration in force.
func (g *process) reload(n int) {
	g.writeConfig(n)
	g.cmd.Process.Signal(syscall.SIGHUP)
}

// routeText is the YAML of a route in the n-th configuration.
type routeText func(n int) string

// routes is a route for each way to the provider: in clear and over TLS; brief
// ones, with little time for a request; fickle ones; those with several upstreams.
func (u *provider) routes() (out []routeText) {
	add := func(id, base string, budget time.Duration) {
		out = append(out, func(n int) string {
			return fmt.Sprintf("  - {id: %[1]s, prefix: /%[1]s, upstream: {base_url: %[2]q, request_timeout_ms: %[3]d, "+
				"inject_headers: [{name: authorization, value: %[4]q}, {name: x-configuration, value: \"%[5]d\"}]}}\n",
				id, base, budget.Milliseconds(), "Bearer "+providerKey, n)
		})
	}
	for _, route := range roots() {
		base, fickle := "http://"+u.clear, "http://"+u.fickleClear
		if route == "secure" {
			base, fickle = "https://"+u.tls, "https://"+u.fickleTLS
		}
		add(route, base, 4*patience)
		add(route+"-brief", base, brief)
		add(route+"-fickle", fickle, 4*patience)
		out = append(out, severalUpstreams(route, base)...)
	}
	return out
}

// roots are the ways to the provider. That over TLS wants the system to take a
// root certificate from the environment.
func roots() []string {
	if runtime.GOOS == "linux" {
		return []string{"clear", "secure"}
	}
	return []string{"clear"}
}

func allRoutes() (out []string) {
	for _, r := range roots() {
		out = append(out, r, r+"-brief", r+"-fickle", r+pool, r+lame, r+session)
	}
	return out
}

func freeAddress(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// quit ends the gateway with SIGQUIT, on which Go tells what every goroutine
// does, and returns that, by who began it.
func (g *process) quit() map[string]int {
	g.cmd.Process.Signal(syscall.SIGQUIT)
	g.cmd.Wait()
	began := make(map[string]int)
	for line := range strings.Lines(g.log.String()) {
		if by, ok := strings.CutPrefix(strings.TrimSpace(line), "created by "); ok {
			by, _, _ = strings.Cut(by, " in goroutine")
			began[by]++
		}
	}
	return began
}

// countDescriptors is how many are open; -1 where the system does not tell.
func (g *process) countDescriptors() int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.cmd.Process.Pid))
	if err != nil {
		return -1
	}
	return len(list)
}

// memory is the resident set in MiB; -1 where the system does not tell.
func (g *process) memory() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		return -1
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var n int
	if _, err := fmt.Sscanf(rest, "%d kB", &n); err != nil {
		return -1
	}
	return n / kib
}

// journal keeps what a gateway prints. Of the lines for failures, which the
// load is made of, it counts the causes.
type journal struct {
	mu                           sync.Mutex
	text                         bytes.Buffer
	partial                      []byte
	causes                       map[string]int
	reloads, cooldowns, tooLarge int
}

const journalLimit = 4 * mib

var numbers = regexp.MustCompile(`[0-9]+`)

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.partial = append(j.partial, p...)
	for {
		i := bytes.IndexByte(j.partial, '\n')
		if i < 0 {
			return len(p), nil
		}
		if line := j.partial[:i+1]; bytes.Contains(line, []byte(`msg="request failed"`)) {
			if j.causes == nil {
				j.causes = make(map[string]int)
			}
			_, cause, _ := bytes.Cut(line, []byte("code="))
			j.causes[numbers.ReplaceAllString(strings.TrimSpace(string(cause)), "#")]++
		} else if bytes.Contains(line, []byte(`msg="config reloaded"`)) {
			j.reloads++
		} else if bytes.Contains(line, []byte(`msg="cooldown begins"`)) {
			j.cooldowns++
		} else if bytes.Contains(line, []byte(`msg="cooldown ends"`)) {
		} else if bytes.Contains(line, []byte(`msg="not retried`)) {
			j.tooLarge++
		} else if j.text.Len() < journalLimit {
			j.text.Write(line)
		}
		j.partial = j.partial[i+1:]
	}
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
