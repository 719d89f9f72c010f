#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# suite.sh uml|debug: run every socket test in User-Mode Linux, a boot each, two at a time, and print their KTAP.
# Tests are build/kselftest/test_* and selftests/kselftest/test_*.sh. Time is virtual, so two at a time do not disturb
# each other. A line `guest: OPTION...` in a test's source gives options to run, and the word real-time asks for a
# real clock; `guest: not-debug` leaves it out of the debug suite.
# shellcheck source=../lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"

mode=${1:?suite.sh uml|debug}

run_one()
{
	local test=$1 source options=(--virtual-time) asked
	source=$top/selftests/kselftest/$(basename "$test")
	[ -e "$source" ] || source=$source.c
	asked=$(sed -nE 's/^[^a-z]*guest: ([-a-zA-Z0-9. ]+[a-zA-Z0-9]).*/\1/p' "$source" 2>/dev/null | head -n 1)
	case " $asked " in *" real-time "*) options=() ;; esac
	case "$mode $asked " in debug*" not-debug "*) echo "ok - ${test##*/} # SKIP not for the debug kernel"; return ;; esac
	[ "$mode" != debug ] || options+=(--debug)
	# shellcheck disable=SC2206 # options are words
	options+=(${asked//@(real-time|not-debug)/})
	tap_program "${test##*/}" "$top/selftests/uml/run" --limit 300 "${options[@]}" -- "$test"
}

shopt -s extglob nullglob
if [ "${2:-}" ]; then
	run_one "$2"
	exit
fi

tests=("$build"/kselftest/test_!(*.*) "$top"/selftests/kselftest/test_*.sh)
[ ${#tests[@]} -gt 0 ] || die "no tests"
printf '%s\0' "${tests[@]}" | xargs -0 -P "$(nproc)" -I{} "$0" "$mode" {}
