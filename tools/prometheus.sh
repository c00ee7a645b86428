#!/bin/sh
# Installs Debian's package prometheus, which some tests need for promtool and
# a server to ask. Where that cannot be done it says what is not tested and
# fails nothing: those tests then skip themselves. It takes two minutes at most.
set -u

missing() {
	for tool in prometheus promtool; do
		command -v "$tool" >/dev/null || return 0
	done
	return 1
}

give_up() {
	echo "prometheus.sh: NOT TESTED: the metrics with a real Prometheus, its rules and the dashboard's queries: $1"
	exit 0
}

missing || exit 0
command -v apt-get >/dev/null || give_up 'prometheus is not installed, and there is no apt-get'
[ "$(id -u)" = 0 ] || give_up 'prometheus is not installed, and only root can install it'

log=$(mktemp) || give_up 'there is no room for a temporary file'
trap 'rm -f "$log"' EXIT
install() {
	export DEBIAN_FRONTEND=noninteractive
	timeout -k 5 110 sh -c '
		set -- -q -y --no-install-recommends -o Acquire::Retries=1 -o Acquire::http::Timeout=10 -o DPkg::Lock::Timeout=10
		apt-get "$@" install prometheus || { apt-get "$@" update && apt-get "$@" install prometheus; }'
}
echo 'prometheus.sh: installing prometheus'
install </dev/null >"$log" 2>&1
if missing; then
	tail -n 3 "$log"
	give_up 'apt-get could not install prometheus'
fi
echo "prometheus.sh: $(promtool --version 2>&1 | head -n 1)"
