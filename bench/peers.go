package main

import (
	"debug/buildinfo"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A peer is a proxy that can do the job: everything below /openai goes to the
// upstream without that prefix and with the provider's key, once the client's
// token has been checked; keep-alive on both sides, no buffering, no access
// log, no limits that the bench would run into.
type peer struct {
	name string
	// find locates the program and returns what to call its version; the error
	// says why the peer is skipped.
	find func() (version string, err error)
	// command writes a configuration into s.dir and says how to run in the
	// foreground.
	command func(s site) (argv, env []string, err error)
	// adapt, if set, changes how clients address this peer.
	adapt func(t *target, s site)
	// verify, if set, checks after a measurement that the peer did what beside
	// relaying it is there for.
	verify func(b *bench, s site) error
	// only, if set, names the workloads (by prefix) that the peer can take part
	// in; usually, if set, those that it does unless -peers asks for it.
	only, usually []string
	// plainOnly: not set up to serve TLS.
	plainOnly bool
	// trusting: checks no token and strips no prefix.
	trusting bool

	version string
	skipped error
}

// site is where a peer is to be set up.
type site struct {
	dir      string // for its files, empty at first
	listen   netip.AddrPort
	upstream netip.AddrPort
	cert     *certificate // nil: plain HTTP
}

// write puts a configuration file into the site's folder.
func (s site) write(name, format string, args ...any) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o644)
}

// allPeers in the order of their turns.
func allPeers(gatewayBinary, toolDir string) []*peer {
	return append(gateways(gatewayBinary, toolDir), nginx(), haproxy(), caddy(), portkey())
}

// findPeers keeps the peers that are here, and says which are not.
func (b *bench) findPeers() {
	b.peers = slices.DeleteFunc(b.peers, func(p *peer) bool {
		if p.version, p.skipped = p.find(); p.skipped != nil {
			b.note("%s left out: %v", p.name, p.skipped)
		} else {
			fmt.Printf("%-12s %s\n", p.name, p.version)
		}
		return p.skipped != nil
	})
}

// takesPart reports whether p is meant for w.
func (p *peer) takesPart(w workload) bool {
	begins := func(prefix string) bool { return strings.HasPrefix(w.name, prefix) }
	switch {
	case w.only != nil && !slices.Contains(w.only, p.name),
		w.tls && p.plainOnly,
		p.only != nil && !slices.ContainsFunc(p.only, begins),
		p.usually != nil && !slices.Contains(p.usually, w.name):
		return false
	}
	return true
}

// mainWorkloads are the ones that everyone takes part in; the rest is for the
// gateway, nginx and HAProxy.
var mainWorkloads = []string{"json-64", "sse-64"}

// direct stands for no proxy at all.
const direct = "direct"

// lookProgram finds a program in PATH, in the folders where Debian puts
// servers, or where Go installs.
func lookProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	home, _ := os.UserHomeDir()
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/local/bin", filepath.Join(home, "go/bin")} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", name)
}

// moduleVersion is what Go recorded in a program: a build by `go install` often
// has no version of its own to tell. A module built as a dependency of another
// is looked for by the program's package.
func moduleVersion(program string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return firstLine(program, "version")
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path != "" && strings.HasPrefix(info.Path, m.Path+"/") {
			return fmt.Sprintf("%s %s, built with %s", m.Path, m.Version, info.GoVersion)
		}
	}
	return info.Path
}

// firstLine runs a program for its version.
func firstLine(program string, args ...string) string {
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil && len(out) == 0 {
		return "unknown version"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
