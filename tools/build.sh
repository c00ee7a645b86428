#!/bin/sh
# One static binary, as it is released: tools/build.sh FILE [VERSION]
#
# The version says which commit it is. Go would ask git as well, and fail where
# git does not trust the owner of the folder.
set -eu
case ${1:-} in
'' | -*)
	echo "usage: tools/build.sh FILE [VERSION]" >&2
	exit 2
	;;
esac
cd "$(dirname "$0")/.."
CGO_ENABLED=0 exec go build -trimpath -buildvcs=false -o "$1" \
	-ldflags "-s -w -X main.version=${2:-dev}" \
	./cmd/ai-gw-lite
