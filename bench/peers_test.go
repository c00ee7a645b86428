package main

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// found is a peer that is here; the test is skipped if it is not.
func found(t *testing.T, b *bench, name string) *peer {
	t.Helper()
	i := slices.IndexFunc(b.peers, func(p *peer) bool { return p.name == name })
	if _, err := b.peers[i].find(); err != nil {
		t.Skip(err)
	}
	return b.peers[i]
}

func TestEveryPeerDoesTheWholeJob(t *testing.T) {
	b := testBench(t)
	for _, p := range b.peers {
		t.Run(p.name, func(t *testing.T) {
			if err := b.probe(found(t, b, p.name)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A peer whose configuration does less is told from one that does the job.
func TestProbeNoticesAPeerThatDoesLess(t *testing.T) {
	b := testBench(t)
	for name, c := range map[string]struct{ line, instead, want string }{
		"connections not kept": {"keepalive 1024;", "", "took 2 connections"},
		"HTTP/1.0":             {"proxy_http_version 1.1;", "", "505"},
		"token not checked":    {"return 401;", "", "a wrong token"},
		"uploads buffered":     {"proxy_request_buffering off;", "", "of an upload got through"},
	} {
		t.Run(name, func(t *testing.T) {
			p := *found(t, b, "nginx")
			written := p.command
			p.command = func(s site) ([]string, []string, error) {
				argv, env, err := written(s)
				edit(t, filepath.Join(s.dir, "nginx.conf"), c.line, c.instead)
				return argv, env, err
			}
			if err := b.probe(&p); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want something with %q", err, c.want)
			}
		})
	}
}

func TestProbeNoticesEventsThatAreHeldBack(t *testing.T) {
	b := testBench(t)
	mute, err := net.Listen("tcp", "127.0.0.1:0") // connects, and nothing follows
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	err = b.passesEventsOn(&target{name: "mute", addr: netip.MustParseAddrPort(mute.Addr().String())}, &peer{})
	if err == nil || !strings.Contains(err.Error(), "an event that nothing follows") {
		t.Fatalf("got %v", err)
	}
}

func edit(t *testing.T, path, old, instead string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), old) != 1 {
		t.Fatalf("%s has %q not once", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, instead, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOurConfigsAreValid(t *testing.T) {
	binary, err := buildGateway(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range []string{"watching.yaml", "everything-on.yaml"} {
		if out, err := exec.Command(binary, "check", "--config", config).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// Everything on is on while it is measured: what does not observe has no figure.
func TestEverythingOnIsMeasuredObserving(t *testing.T) {
	b := testBench(t)
	binary, err := buildGateway(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	locate := func() (string, error) { return binary, nil }
	for name, c := range map[string]struct{ line, instead, want string }{
		"as it is":      {"", "", ""},
		"no access log": {"to_stdout: false", "to_stdout: false\n    access_log: false", "observed {lines:0 "},
		"no metrics":    {"{enabled: true, token", "{enabled: false, token", "/metrics"},
	} {
		config := filepath.Join(t.TempDir(), "everything-on.yaml")
		text, err := os.ReadFile("everything-on.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(config, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if c.line != "" {
			edit(t, config, c.line, c.instead)
		}
		p := fullGateway(locate, config)
		for _, w := range b.workloads {
			if !p.takesPart(w) || c.want != "" && w.name != "json-64" {
				continue
			}
			t.Run(name+"/"+w.name, func(t *testing.T) {
				f, err := b.measure(w, p)
				switch {
				case c.want == "" && err != nil:
					t.Fatal(err)
				case c.want == "" && f["cpu"] <= 0:
					t.Fatalf("no figure: %v", f)
				case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
					t.Fatalf("got %v, want something with %q", err, c.want)
				}
			})
		}
	}
}
