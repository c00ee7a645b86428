package gateway

import "ai-gw-lite/internal/wire"

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
