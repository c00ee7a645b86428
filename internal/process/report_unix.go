//go:build unix

package process

import (
	"fmt"
	"net"
	"os"
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
