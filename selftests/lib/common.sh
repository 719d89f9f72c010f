# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by every script under selftests/: where things are, how to complain, how not to meet oneself.
# Rule of the cache: a folder in it appears by rename only, so what is there is whole.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build
cache=${QUIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/quic}
export top build cache
mkdir -p "$build" "$cache"

note() { echo "# $*" >&2; }
# die TEXT...: exit with $status when it says why, else 1
die() { echo "${0##*/}: $*" >&2; [ "${status:-0}" = 0 ] && exit 1; exit "$status"; }

# locked NAME COMMAND...: run COMMAND while nobody else on this machine holds NAME.
locked()
{
	local name=$1 fd
	shift
	exec {fd}>"$cache/.lock-$name"
	flock "$fd"
	"$@"
	exec {fd}>&-
}

# remembered NAME COMMAND...: the command's output, asked for again once a day.
remembered()
{
	local answer=$cache/answer/$1
	shift
	if [ -z "$(find "$answer" -mtime -1 2>/dev/null)" ]; then
		mkdir -p "$cache/answer"
		"$@" >"$answer.$$"	# no || here: it would switch errexit off inside
		mv "$answer.$$" "$answer"
	fi
	cat "$answer"
}

# hash_of FILE-OR-TEXT...: a short name for contents; a word that is no file counts as itself.
hash_of()
{
	local item
	for item in "$@"; do
		if [ -f "$item" ]; then cat "$item"; else echo "$item"; fi
	done | sha256sum | cut -c1-12
}

# logged FILE COMMAND...: silent when it works, the log's end when it does not.
logged()
{
	local log=$1
	shift
	"$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; die "failed: $* (log: $log)"; }
}

# test_certs: a folder of test certificates, made once; valid for localhost, quic.test and the addresses of our topologies
test_certs()
{
	local dir=$build/certs
	[ -e "$dir/psk-wrong.txt" ] || "$top/selftests/lib/certs" "$dir" 10.0.0.1 10.0.0.2 fd00::1 fd00::2
	echo "$dir"
}
