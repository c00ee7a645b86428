package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a running proxy with its children.
type process struct {
	cmd     *exec.Cmd
	logPath string
	exited  chan struct{}
}

// startProcess runs argv on one core (-1: any) and waits until addr accepts
// connections.
func startProcess(argv, env []string, dir string, core int, addr string) (*process, error) {
	p := &process{logPath: filepath.Join(dir, "stderr.log"), exited: make(chan struct{})}
	log, err := os.Create(p.logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// A group of its own, so that Ctrl-C reaches the bench alone, which stops
	// the proxy and its workers; and if the bench is killed, so is the proxy.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := startOn(core, p.cmd); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.exited)
	}()
	if err := p.awaitListening(addr); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *process) awaitListening(addr string) error {
	for range 500 {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			conn.Close()
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("exited before it listened: %s", p.lastWords())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("does not listen after 10 s: %s", p.lastWords())
}

// lastWords are the last lines that the process wrote.
func (p *process) lastWords() string {
	data, _ := os.ReadFile(p.logPath)
	data = bytes.TrimSpace(data)
	if len(data) > 600 {
		data = data[len(data)-600:]
	}
	if len(data) == 0 {
		return "it said nothing"
	}
	return string(data)
}

// stop ends the process and its children, at once: nothing is in flight that
// matters any more. It returns when all are gone.
func (p *process) stop() {
	group := -p.cmd.Process.Pid
	syscall.Kill(group, syscall.SIGKILL)
	<-p.exited
	for range 100 {
		if syscall.Kill(group, 0) == syscall.ESRCH {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// tree is the process and everything below it.
func (p *process) tree() []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
		// "pid (name) state ppid …": the name may hold anything.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 {
			ppid, _ := strconv.Atoi(fields[1])
			children[ppid] = append(children[ppid], pid)
		}
	}
	all := []int{p.cmd.Process.Pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// startOn starts cmd pinned to a core: a child inherits the affinity of the
// thread that starts it, and this is the locked main thread.
func startOn(core int, cmd *exec.Cmd) error {
	if core < 0 {
		return cmd.Start()
	}
	before, err := affinity(0)
	if err != nil {
		return err
	}
	if err := setAffinity(0, onlyCore(core)); err != nil {
		return err
	}
	defer setAffinity(0, before)
	return cmd.Start()
}
