package gateway

// methodName keeps the method beyond its buffer, without memory for the usual ones.
func methodName(method []byte) string {
	switch string(method) {
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "PATCH":
		return "PATCH"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	}
	return string(method)
}

// isRead reports a method that is never uncertain: reading twice does no harm.
func isRead(method string) bool { return method == "GET" || method == "HEAD" }
