#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run test programs that speak TAP; print what failed, then one line of totals.
# usage: run.sh LOGDIR PROGRAM...
logs=$1
shift
passed=0
failed=0
for prog in "$@"; do
	name=$(basename "$prog")
	log=$logs/$name.log
	CMOCKA_MESSAGE_OUTPUT=TAP timeout 180 "$prog" >"$log" 2>&1
	status=$?
	good=$(grep -c '^ok' "$log")
	bad=$(grep -c '^not ok' "$log")
	# A crash, or a program that ran nothing, is a failure too.
	if [ "$bad" = 0 ] && { [ $status != 0 ] || [ "$good" = 0 ]; }; then
		bad=1
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	if [ "$bad" = 0 ]; then
		echo "ok $name ($good)"
	else
		echo "not ok $name ($good passed, $bad failed, exit $status): $log"
		grep -A2 -E '^not ok|WARN:|error:|ERROR:' "$log" | head -n 40 | sed 's/^/# /'
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
