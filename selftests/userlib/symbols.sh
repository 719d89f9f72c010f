#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# symbols.sh LIBRARY HEADER MAP: the shared library has what its header and its map say, with versions, and nothing else.
# Its only global state: function and level of the log, and what 0-RTT has seen, which processes share. TAP on stdout.
lib=$1 header=$2 map=$3 n=0 bad=0

result()	# NAME TEXT: good when there is no text
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' <<<"$2"
		bad=1
	fi
}

exported() { nm -D --defined-only "$lib" | awk '$2 != "A" { print $3 }'; }
declared() { grep -oE '\bquic_[a-z_]+\(' "$header" | tr -d '(' | sort -u | while read -r f; do grep -qE "^[a-z].*\\b$f\\(" "$header" && echo "$f"; done; }
mapped() { grep -oE '^[[:space:]]quic_[a-z_]+' "$map" | tr -d '\t ' | sort; }

result "every symbol has its version" "$(exported | grep -v '@@LIBQUIC_[0-9]')"
result "exported as the map says" "$(diff <(exported | sed 's/@.*//' | sort) <(mapped))"
result "declared as the map says" "$(diff <(declared) <(mapped))"
result "no global state but the log and the memory against replay" "$(nm "$lib" | awk '$2 ~ /^[bBdD]$/ { print $3 }' |
	grep -vE '^(log_func|log_level|anti_replay|table|explanations|quic_sys_kernel|_.*|__.*|completed\.[0-9]+)$')"
echo "1..$n"
exit $bad
