package simulate

import "net"

// strike makes the body go wrong as the fault says, in place of its next event.
// It returns nil when the answer is to end as if nothing were wrong.
func (d *delivery) strike(body encoder, errorEvent []byte) error {
	switch {
	case d.manner.Fault == Reset:
		return d.reset()
	case d.manner.Fault == Garbage:
		return d.garbage()
	case d.manner.Fault == Stall:
		<-d.r.Context().Done()
		return errClientGone
	case d.manner.Fault == EndEarly && errorEvent != nil:
		return body.Close()
	case d.manner.Fault == ErrorEvent && errorEvent != nil:
		if _, err := body.Write(errorEvent); err != nil {
			return errClientGone
		}
		return body.Close()
	}
	return errBroken // the handler aborts: the connection closes, the body unfinished
}

// reset closes the connection so that the client reads "connection reset". What
// was flushed before is on its way, but a client that has not read it yet may
// lose it.
func (d *delivery) reset() error {
	conn, err := d.hijack()
	if err != nil {
		return errBroken
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // Close then sends RST instead of FIN
	}
	_ = conn.Close()
	return errBroken
}

// garbage goes on with what no HTTP client can take for a head or a chunk.
func (d *delivery) garbage() error {
	conn, err := d.hijack()
	if err != nil {
		return errBroken
	}
	_, _ = conn.Write([]byte("\x15\x03\x01\x00\x02\x02\x50 this is no HTTP\r\n\r\n"))
	_ = conn.Close()
	return errBroken
}

// hijack takes the connection from the server. Errors are those of a server
// that has none to give, such as one of HTTP/2.
func (d *delivery) hijack() (net.Conn, error) {
	conn, _, err := d.rc.Hijack()
	return conn, err
}
