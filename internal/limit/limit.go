// Package limit counts: requests in flight (Slots) and requests in a minute
// (Windows). It decides yes or no at once and never queues.
//
// The caps are not kept here. They come from the configuration and are passed
// with every question, so that a reload that lowers or raises one takes effect
// on the next request, while the counts themselves live on.
//
// The package knows nothing of HTTP, of routes or of configuration files: its
// names and tokens are plain strings.
package limit
