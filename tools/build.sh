#!/bin/sh
# One static binary, as it is released: tools/build.sh FILE [VERSION]
#
# schedtrace keeps a thread of Go's runtime, the monitor, from a sleep out of
# which the next system call has to wake it. For streams that bring an event
# every few milliseconds that was 40 % of an event's CPU time; see
# docs/decisions/0005-runtime-monitor.md, also for its price.
set -eu
cd "$(dirname "$0")/.."
CGO_ENABLED=0 exec go build -trimpath -buildvcs=false -o "$1" \
	-ldflags "-s -w -X main.version=${2:-dev} -X runtime.godebugDefault=schedtrace=2147483647" \
	./cmd/ai-gw-lite
