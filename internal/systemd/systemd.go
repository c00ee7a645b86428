// Package systemd tells the service manager how the process stands, as a unit
// of Type=notify-reload wants it (sd_notify(3), systemd.service(5)). Where there
// is no such manager every message goes nowhere.
package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// Notifier sends messages to the service manager. A nil one, of a process that
// nobody manages, sends none.
type Notifier struct{ conn net.Conn }

// New finds the manager by the environment: nil where there is none. An error
// says that there is one which cannot be reached.
func New() (*Notifier, error) {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return nil, nil
	}
	if address[0] != '/' && address[0] != '@' { // @ is for Linux's abstract names, which Go knows
		return nil, fmt.Errorf("NOTIFY_SOCKET %q is no socket's name", address)
	}
	c, err := net.Dial("unixgram", address)
	if err != nil {
		return nil, fmt.Errorf("reaching systemd: %w", err)
	}
	return &Notifier{conn: c}, nil
}

// Ready says that the process serves, or that a reload is over.
func (n *Notifier) Ready() { n.send("READY=1") }

// Reloading says that a reload begins. Ready ends it, however it went.
func (n *Notifier) Reloading() {
	now, err := monotonic()
	if err != nil {
		return
	}
	n.send("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now, 10))
}

// Status is a line for people who ask the manager.
func (n *Notifier) Status(line string) { n.send("STATUS=" + line) }

// Stopping says that the process is about to end.
func (n *Notifier) Stopping() { n.send("STOPPING=1") }

// MainPID says that another process is the service from now on. Messages of
// this one count no more after it.
func (n *Notifier) MainPID(pid int) { n.send("MAINPID=" + strconv.Itoa(pid)) }

// patience is how long a message may wait for a manager that reads none.
const patience = time.Second

// send gives up on a manager that does not listen: what the process does
// matters more than who knows of it.
func (n *Notifier) send(message string) {
	if n == nil {
		return
	}
	n.conn.SetWriteDeadline(time.Now().Add(patience))
	n.conn.Write([]byte(message))
}
