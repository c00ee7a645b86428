package gateway

import "ai-gw-lite/internal/wire"

// Response is the head of an answer as the client is to see it. Its fields
// hold no framing and no hop-by-hop header but a Content-Length.
type Response struct {
	Status     int
	Reason     []byte
	Fields     []wire.Field
	Framing    wire.Framing // of the body as it comes; how it leaves is the Downstream's
	Refusal    bool         // made by the gateway: what is left of the request's body is nobody's
	Unfinished bool         // the request's body is still being read
	Stream     bool         // it may last: what it does not need should be given up
}

// IsStream reports an answer that may last as long as it likes: a stream by
// its content type, which the client need not be shown, or a WebSocket.
func (r *Response) IsStream() bool {
	if r.Status == 101 || r.Stream {
		return true
	}
	for i := range r.Fields {
		if r.Fields[i].Known == wire.ContentType {
			return isStreamType(r.Fields[i].Value)
		}
	}
	return false
}

func (r *Response) add(name, value string) { r.addBytes([]byte(name), []byte(value)) }

// addBytes adds a header whose bytes nobody changes until it has been sent.
func (r *Response) addBytes(name, value []byte) {
	r.Fields = append(r.Fields, wire.Field{Name: name, Value: value})
}
