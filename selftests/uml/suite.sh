#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# suite.sh uml|debug|debug-programs|debug-scripts [TEST]: run every socket test in User-Mode Linux, a boot each, $jobs at
# a time, and print their KTAP, and how long each boot took. Tests are the programs build/kselftest/test_* and the scripts
# selftests/kselftest/test_*.sh. Time is virtual, so they do not disturb each other.
# The debug kernel takes six seconds to boot and look for leaks: there the programs that ask for nothing share boots.
# A line `guest: OPTION...` in a test's source gives options to run, and the word real-time asks for a real clock;
# `guest: not-debug` leaves it out of the debug suite.
# shellcheck source=../lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"

mode=${1:?suite.sh uml|debug|debug-programs|debug-scripts}
part=${mode#debug-} mode=${mode%-*}

# asked TEST: what its source asks for
asked()
{
	local source
	source=$top/selftests/kselftest/$(basename "$1")
	[ -e "$source" ] || source=$source.c
	sed -nE 's/^[^a-z]*guest: ([-a-zA-Z0-9. ]+[a-zA-Z0-9]).*/\1/p' "$source" 2>/dev/null | head -n 1
}

run_one()
{
	local test=$1 options=(--virtual-time) asked tap_tries=2
	asked=$(asked "$test")
	case " $asked " in *" real-time "*) options=() ;; esac
	case "$mode $asked " in debug*" not-debug "*) echo "ok - ${test##*/} # SKIP not for the debug kernel"; return ;; esac
	[ "$mode" != debug ] || options+=(--debug)
	# shellcheck disable=SC2206 # options are words
	options+=(${asked//@(real-time|not-debug)/})
	tap_program "${test##*/}" "$top/selftests/uml/run" --limit 300 "${options[@]}" -- "$test"
}

# run_several TEST...: in the debug kernel in one boot, else a boot each
run_several()
{
	local test
	if [ $# = 1 ] || [ "$mode" != debug ]; then
		for test; do run_one "$test"; done
		return
	fi
	tap_program debug "$top/selftests/uml/run" --limit 600 --virtual-time --debug -- "$top/selftests/uml/several" "$@"
}

shopt -s extglob nullglob
if [ "${2:-}" ]; then
	shift
	run_several "$@"
	echo "# $SECONDS s: ${*##*/}"
	[ $tap_failed = 0 ]
	exit
fi

tests=()
[ "$part" = scripts ] || tests+=("$build"/kselftest/test_!(*.*))
[ "$part" = programs ] || tests+=("$top"/selftests/kselftest/test_*.sh)
[ ${#tests[@]} -gt 0 ] || die "no tests"
together=() lines=()
for test in "${tests[@]}"; do
	if [ "$mode" = debug ] && [[ $test != *.sh ]] && [ -z "$(asked "$test")" ]; then
		together+=("$test")
	else
		lines+=("$test")
	fi
done
# four boots, dealt out like cards; scripts are longest, so they are first
for ((i = 0; i < 4; i++)); do
	share=()
	for ((j = i; j < ${#together[@]}; j += 4)); do share+=("${together[j]}"); done
	[ ${#share[@]} = 0 ] || lines+=("${share[*]}")
done
printf '%s\n' "${lines[@]}" | sort -r -t. -k2 | xargs -P "${jobs:-$(nproc)}" -L 1 "$0" "$mode"
