package process

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// reportAddress is an abstract name: no file is left, and no private /tmp is
// between the two.
func reportAddress(pid int) string { return fmt.Sprintf("@ai-gw-lite-upgrade-%d", pid) }

// isPeer reports whether the process at the other end is this one. One of
// another PID namespace has no number here, and is believed.
func isPeer(c *net.UnixConn, pid int) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	peer := false
	err = raw.Control(func(fd uintptr) {
		cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		peer = err == nil && (int(cred.Pid) == pid || cred.Pid == 0)
	})
	return err == nil && peer
}

// isGateway looks whether a process is this program, under whatever name and of
// whatever version: a PID file that was left behind names any process. One that
// may not be looked into is believed. The package that Go has built a program
// from stands in it as text; debug/buildinfo, which reads it in good order, would
// make the gateway larger by 600 KB.
func isGateway(pid int) bool {
	own, ok := debug.ReadBuildInfo()
	exe, err := os.ReadFile(fmt.Sprintf("/proc/%d/exe", pid))
	return !ok || err != nil || bytes.Contains(exe, []byte("path\t"+own.Path+"\n"))
}

// takesSignal looks whether a process catches a signal; to most the one that
// asks for an upgrade is deadly.
func takesSignal(pid int, s syscall.Signal) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return true // the signal itself will tell
	}
	_, caught, _ := strings.Cut(string(status), "\nSigCgt:")
	caught, _, _ = strings.Cut(caught, "\n")
	mask, err := strconv.ParseUint(strings.TrimSpace(caught), 16, 64)
	return err != nil || mask>>(s-1)&1 == 1
}
