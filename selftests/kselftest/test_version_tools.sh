#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Versions with real TLS: quicat to quicat over a link of 10 ms that loses 2 %, and what the client says it came to.
#
#	server 10.0.0.1, fd00::1 ---- 10 ms, loss 2 % ---- 10.0.0.2, fd00::2 client
# shellcheck disable=SC2154 # top and certs come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/pair.sh
. "$top/selftests/lib/pair.sh"
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"

pair delay 10ms loss 2%
head -c 200000 /dev/urandom >/tmp/in

# talk EXPECTED "CLIENT OPTIONS" "SERVER OPTIONS" [HOST]: a file goes over, in version EXPECTED
talk()
{
	local want=$1 host=${4:-10.0.0.1} server status=0
	rm -f /tmp/out /tmp/log
	# shellcheck disable=SC2086 # options are words
	ip netns exec server timeout 100 quicat -l --cert $certs/server.pem --key $certs/server.key $3 :: 4433 </dev/null >/tmp/out &
	server=$!
	sleep 0.2
	# shellcheck disable=SC2086
	ip netns exec client timeout 60 quicat -v --ca $certs/ca.pem $2 "$host" 4433 </tmp/in 2>/tmp/log || status=$?
	[ $status = 0 ] || kill $server
	wait $server
	cat /tmp/log
	[ "$want" ] || return $((status != 4))
	[ $status = 0 ] && grep -q "QUIC v$want," /tmp/log && cmp /tmp/in /tmp/out
}

tap "version 1 unless somebody asks" talk 1 "" ""
tap "the client begins with version 2" talk 2 "--version v2" ""
tap "the client would rather have version 2" talk 2 "--negotiate" ""
tap "over IPv6" talk 2 "--negotiate" "" fd00::1
tap "the server would" talk 2 "" "--version v2,v1"
tap "the server would, after Retry" talk 2 "" "--version v2,v1 --retry"
tap "the client has only version 1" talk 1 "--version v1" "--version v2,v1"
tap "from 2 down to 1" talk 1 "--version v1,v2 --negotiate" ""
tap "the server has only version 2: a second start" talk 2 "" "--version v2"
tap "the server has only version 1: a second start" talk 1 "--version v2,v1" "--version v1"
tap "a version nobody speaks: a second start" talk 1 "--negotiate=packet" ""
tap "the same, with Retry" talk 2 "--version v2,v1 --negotiate=packet" "--retry"
tap "and then a compatible choice" talk 2 "--version v1,v2 --negotiate=packet" "--version v2,v1"
tap "nothing in common" talk "" "--version v1" "--version v2"
echo "1..$tap_count"
