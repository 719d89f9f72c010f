#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run the test modules in every kind of guest; TAP on stdout, one result a case and guest.
# usage: suite.sh [uml-fast|uml-debug|6.1|6.12]...
# shellcheck source=../lib/common.sh
. "$(dirname "$0")/../lib/common.sh"

here=$top/selftests/kmod
[ $# -gt 0 ] || set -- uml-debug 6.12 6.1

for kernel in "$@"; do
	ko=$("$here/build" "$kernel")
	case $kernel in
	uml-fast) runner=("$top/selftests/uml/run") ;;
	uml-debug) runner=("$top/selftests/uml/run" --debug) ;;
	*) runner=("$top/selftests/vm/run" --kernel "$kernel" --add "$ko") ;;
	esac
	log=$build/test/kmod-$kernel.log
	mkdir -p "$build/test"
	status=0
	"${runner[@]}" --no-module -- "$here/run" "$ko" >"$log" 2>&1 || status=$?
	grep -qE '^(not )?ok ' "$log" || [ $status != 0 ] || status="0, and no result"
	tr -d '\r' <"$log" | sed -nE "s/^((not )?ok) [0-9]+ - (.*)/\1 - $kernel \3/p"
	[ "$status" = 0 ] || { echo "not ok - $kernel exit status $status"; sed 's/^/# /' "$log" | tail -n 40; }
done
