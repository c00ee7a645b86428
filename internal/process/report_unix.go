//go:build unix

package process

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// An upgrade is asked for by a signal, which only the process's own user and
// root may send and which carries no answer. So whoever asks waits at a socket
// whose name both sides know by the process's number, and the process reports
// there for as long as it lives. It opens nothing of its own, and what it
// reports is no secret.

// The words that a report begins with.
const (
	saysFailed   = "failed"   // and why
	saysServing  = "serving"  // and the new process's number
	saysDraining = "draining" // and how many exchanges are under way
	saysBroken   = "broken"   // and how many were broken off: the last report
)

// Reporter tells the one who asked for an upgrade how it goes. A nil one, where
// nobody waits to hear, tells nobody.
type Reporter struct{ conn net.Conn }

// Report finds who asked this process for an upgrade.
func Report() *Reporter {
	c, err := net.DialTimeout("unix", reportAddress(os.Getpid()), time.Second)
	if err != nil {
		return nil
	}
	return &Reporter{conn: c}
}

// Failed ends the report: nothing has changed.
func (r *Reporter) Failed(why error) {
	r.say(saysFailed, why)
	if r != nil {
		r.conn.Close()
	}
}

// Serving says that another process serves in this one's place.
func (r *Reporter) Serving(pid int) { r.say(saysServing, pid) }

// Draining says how many exchanges are still under way in this process.
func (r *Reporter) Draining(n int) { r.say(saysDraining, n) }

// Broken says how many were broken off in the end. The end of the process is
// the end of the report.
func (r *Reporter) Broken(n int) { r.say(saysBroken, n) }

func (r *Reporter) say(word string, what any) {
	if r == nil {
		return
	}
	r.conn.SetWriteDeadline(time.Now().Add(time.Second)) // a reader that is stuck is not waited for
	fmt.Fprintf(r.conn, "%s %s\n", word, strings.ReplaceAll(fmt.Sprint(what), "\n", " "))
}

// Upgrade asks a process to start its executable anew, and tells hear of each
// step. It blocks until the old process is gone, or until it has failed.
type Upgrade struct {
	PID      int
	Serving  func(pid int)
	Draining func(exchanges int)
	Broken   func(exchanges int)
}

// patience is how long a process is given to answer a signal.
const patience = 5 * time.Second

// Run does it. An error says that the old process serves as before, or that it
// is not known what became of it.
func (u Upgrade) Run() error {
	ln, err := listenForReports(u.PID)
	if err != nil {
		return err
	}
	defer ln.Close()
	if err := askForUpgrade(u.PID); err != nil {
		return err
	}
	conn, err := u.await(ln)
	if err != nil {
		return err
	}
	defer conn.Close()
	return u.follow(conn)
}

func listenForReports(pid int) (*net.UnixListener, error) {
	address := reportAddress(pid)
	if address[0] != '@' {
		os.Remove(address) // of a command that was killed
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("waiting for the reports of process %d (is another upgrade command?): %w", pid, err)
	}
	if address[0] != '@' {
		os.Chmod(address, 0o666) // the process may be of another user
	}
	return ln, nil
}

// await waits for the process to call. Anybody could, so the kernel is asked
// who does.
func (u Upgrade) await(ln *net.UnixListener) (*net.UnixConn, error) {
	ln.SetDeadline(time.Now().Add(patience))
	for {
		conn, err := ln.AcceptUnix()
		if err != nil {
			return nil, fmt.Errorf("process %d was asked and does not answer: see its log", u.PID)
		}
		if isPeer(conn, u.PID) {
			return conn, nil
		}
		conn.Close()
	}
}

func (u Upgrade) follow(conn net.Conn) error {
	served, whole := false, false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		word, what, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.Atoi(what)
		switch word {
		case saysFailed:
			return fmt.Errorf("process %d serves as before: %s", u.PID, what)
		case saysServing:
			served = true
			u.Serving(n)
		case saysDraining:
			u.Draining(n)
		case saysBroken:
			whole = true
			u.Broken(n)
		}
	}
	switch {
	case !served:
		return fmt.Errorf("process %d ended before another one served", u.PID)
	case !whole:
		return fmt.Errorf("process %d ended before its drain was over", u.PID)
	}
	return nil
}
