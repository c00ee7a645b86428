// Package soak runs the gateway under a mixed load in which both sides go wrong
// all the time and the configuration changes again and again, and holds it to
// what must be true however they do:
//
//   - an answer belongs to its request, byte for byte, and so does an upload
//   - what broke off never looks complete, in either direction
//   - a request with a body is sent again only if the attempt before was refused, and
//     then byte for byte, under the configuration it began with
//   - with several upstreams and keys, who is refused is served by another, and a
//     session stays where it began
//   - a client that goes away takes its upstream request along
//   - nothing hangs
//   - afterwards no slot of a route or a key, descriptor or goroutine is held, and memory has not grown
//
// The gateway is the program itself, in processes of their own; clients and
// upstreams are the test's, and of another make: net/http where they are
// well-behaved, bare sockets where they are not.
//
//	make soak SOAK=30m
//	CGO_ENABLED=0 make soak    # without the race detector: several times the load
//	go test -race ./test/soak -v -soak 1m -seed 7 -only 'stall|leave'
//
// What an exchange does follows from the seed and its number alone. A problem
// names both; -id runs that one exchange over and over.
//
// Upgrades are test/ops's: a soak compares one process with itself, and each new
// one would begin all of its counts at zero.
package soak
