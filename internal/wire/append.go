package wire

import "strconv"

// AppendStatusLine appends a response's first line.
func AppendStatusLine(b []byte, status int, reason []byte) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, reason...)
	return append(b, "\r\n"...)
}

// AppendFields appends header lines as they are.
func AppendFields(b []byte, fields []Field) []byte {
	for i := range fields {
		b = AppendField(b, fields[i].Name, fields[i].Value)
	}
	return b
}

// AppendField appends one header line.
func AppendField[T string | []byte](b []byte, name, value T) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// AppendPiece appends a piece of a body as its receiver's framing wants it.
func AppendPiece(b []byte, p *Piece, to Framing) []byte {
	if to == ByChunks && p.Framed != nil {
		return append(b, p.Framed...)
	}
	for _, d := range p.Data {
		if to == ByChunks && len(d) > 0 {
			b = appendChunkSize(b, len(d))
		}
		b = append(b, d...)
		if to == ByChunks && len(d) > 0 {
			b = append(b, "\r\n"...)
		}
	}
	if to == ByChunks && p.Last {
		b = append(b, lastChunk...)
	}
	return b
}

// WritePiece sends a piece of a body as the peer's framing wants it: in one
// write, and without a copy unless framing must be put around it.
func (c *Conn) WritePiece(p *Piece, to Framing) error {
	switch {
	case to == ByChunks && p.Framed != nil:
		return c.writeSome(p.Framed)
	case to != ByChunks && len(p.Data) == 1:
		return c.writeSome(p.Data[0])
	}
	o := TakeOutput()
	defer o.Free()
	o.B = AppendPiece(o.B, p, to)
	return c.writeSome(o.B)
}

func (c *Conn) writeSome(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return c.Write(b)
}
