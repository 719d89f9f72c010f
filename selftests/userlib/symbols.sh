#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# symbols.sh LIBRARY HEADER MAP: the shared library has what its header and its map say, with the versions the map says, and
# nothing else. Its only global state: function and level of the log, what 0-RTT has seen, which processes share, and
# with OpenSSL a number that is the same for all. What versions once had stays there. TAP on stdout.
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

case $lib in *-openssl.so*) prefix=LIBQUIC_OPENSSL ;; *) prefix=LIBQUIC ;; esac
exported() { nm -D --defined-only "$lib" | awk '$2 != "A" { print $3 }'; }
declared() { grep -oE '\bquic_[a-z_]+\(' "$header" | tr -d '(' | sort -u | while read -r f; do grep -qE "^[a-z].*\\b$f\\(" "$header" && echo "$f"; done; }
# "name@@VERSION", as nm has it
mapped() { awk -v prefix=$prefix '/^LIBQUIC_/ { v = $1; sub("LIBQUIC", prefix, v) } /^[[:space:]]quic_/ { sub(";", "", $1); print $1 "@@" v }' "$map" | sort; }
# The first version was handed out: nothing is added to it, nothing leaves it.
first() { awk '/^LIBQUIC_1\.0/ { in_it = 1 } /^}/ { in_it = 0 } in_it && /^[[:space:]]quic_/ { print $1 }' "$map" | sort | sha256sum | cut -c1-16; }
soname() { objdump -p "$lib" | awk '$1 == "SONAME" { print $2 }'; }

result "exported with the versions of the map" "$(diff <(exported | sort) <(mapped))"
result "declared as the map says" "$(diff <(declared) <(mapped | sed 's/@.*//' | sort))"
result "version 1.0 is what it was" "$([ "$(first)" = befec396e6179e06 ] || echo "its names have the sum $(first)")"
result "soname" "$([ "$(soname)" = "${lib##*/}" ] || echo "$(soname), not ${lib##*/}")"
# "file.o:name" of what can be written to, or holds pointers, in the archive beside it; the compiler's own begin with _
state() { nm -A "${lib%.so*}.a" | awk '$2 ~ /^[bBdDC]$/ && $3 !~ /^_/ { n = split($1, at, ":"); print at[n - 1] ":" $3 }'; }
allowed='early.o:table|log.o:(explanations|log_func|log_level)|sys.o:quic_sys_kernel'
allowed+='|tls_gnutls_session.o:anti_replay'
allowed+='|tls_openssl_session.o:ex_index|tls_openssl.o:hooks|tls_openssl_priority.o:(ciphers|groups|idle)'
result "no global state but the log and the memory against replay" "$(state | grep -vxE "$allowed")"
result "which is where it is looked for" "$(state | grep -qx log.o:log_func || echo "nothing found in ${lib%.so*}.a")"
echo "1..$n"
exit $bad
