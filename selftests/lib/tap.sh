# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by suites written in bash: results as TAP. Works on the host and in a guest, needs nothing else.

tap_count=0 tap_failed=0

# tap_result STATUS NAME
tap_result()
{
	tap_count=$((tap_count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_count - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
	fi
}

tap_skip() { tap_count=$((tap_count + 1)); echo "ok $tap_count - $1 # SKIP $2"; }

# tap NAME COMMAND...: one test; what the command says is shown, before the result, only when it fails
tap()
{
	local name=$1 text status=0
	shift
	text=$("$@" 2>&1) || status=$?
	[ $status = 0 ] || tail -n 60 <<<"$text" | sed 's/^/# /'
	tap_result $status "$name"
}

# tap_once NAME COMMAND...: text is its results, verdict what is wrong with them, status the command's
tap_once()
{
	local name=$1 out plan count
	shift
	status=0
	out=$("$@" 2>&1) || status=$?
	plan=$(sed -nE 's/^1\.\.([0-9]+)$/\1/p' <<<"$out" | head -n 1)
	count=$(grep -cE '^(not )?ok( |$)' <<<"$out" || :)
	text=$(sed -E "s/^((not )?ok)( [0-9]+)?( -)? /\1 - $name: /; /^(KTAP version|TAP version|1\.\.)/d" <<<"$out")
	verdict=''
	if grep -q '^not ok' <<<"$out"; then
		verdict=bad
	elif [ $status != 0 ]; then
		verdict="exit status $status"
	elif ! grep -q '^ok' <<<"$out"; then
		verdict="no result"
	elif [ "${plan:-$count}" != "$count" ]; then
		verdict="$count results of $plan"
	fi
	[ "${verdict:-bad}" = bad ] || text+=$'\n'"not ok - $name: $verdict"
}

# What a guest's kernel complains of (lib/guest), its death, and what does not end stand as they are.
tap_may_again()
{
	[ "${tap_tries:-1}" -gt 1 ] && [[ $status != @(99|124|125|134|137) ]] && ! grep -q '^guest: ' <<<"$text"
}

# tap_program NAME COMMAND...: a program that prints TAP itself. Its results are passed on; dying, silence and fewer
# results than it promised are failures. With tap_tries=2 a program that failed is run once more, for clocks are real and
# hosts busy: what it said first becomes comments, and selftests/run names it at its end.
tap_program()
{
	local text verdict status
	tap_once "$@"
	if [ "$verdict" ] && tap_may_again; then
		sed 's/^/# first try: /' <<<"$text"
		echo "# again: $1"
		tap_once "$@"
	fi
	echo "$text"
	tap_count=$((tap_count + 1))
	[ -z "$verdict" ] || tap_failed=$((tap_failed + 1))
}

tap_end() { echo "1..$tap_count"; [ $tap_failed = 0 ] && [ $tap_count -gt 0 ]; }
