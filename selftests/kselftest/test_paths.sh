#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Transfers over bad networks, in virtual time, each with a bound on how long it may take (not only that it ends).
# guest: --limit 600
#
#    server eth0 |----- veth, netem each way -----| eth0 client
#
# Bounds come from the round trip and what the standards promise: 1 round trip of handshake, 1 to ask, slow start from
# 10 packets (RFC 9002, 7.2), and then what losses cost. They leave a factor of about 1.5, less than a probe timeout at
# the wrong place (3 round trips) would cost on a clean path. Where chance decides they are wider: netem's seed fixes its
# draws, but which packet meets which draw differs from run to run.
# shellcheck disable=SC2154 # top comes from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
# shellcheck source=../lib/pair.sh
. "$top/selftests/lib/pair.sh"

# Corruption: netem flips a bit behind the checksum that UDP verifies; recompute it, so that the AEAD is what notices.
mend_checksums()
{
	local host
	for host in server client; do
		ip netns exec $host tc qdisc add dev eth0 ingress &&
		ip netns exec $host tc filter add dev eth0 ingress protocol ip prio 1 matchall action csum ip4h and udp &&
		ip netns exec $host tc filter add dev eth0 ingress protocol ipv6 prio 2 matchall action csum udp || return 1
	done
}

# transfer BYTES BOUND-MS HOST [FETCH-OPTION...]
transfer()
{
	local bytes=$1 bound=$2 host=$3 start ms
	shift 3
	head -c "$bytes" /dev/urandom >/tmp/srv/file
	start=$(date +%s%N)
	ip netns exec client timeout 900 quic-hq fetch --timeout 60 --ca /tmp/certs/ca.pem -d /tmp/got "$@" \
		"https://$host:4433/file" || return 1
	ms=$((($(date +%s%N) - start) / 1000000))
	cmp /tmp/srv/file /tmp/got/file || return 1
	echo "$ms ms, bound $bound ms"
	[ $ms -le "$bound" ]
}

# path NAME BYTES BOUND-MS HOST NETEM...: on its own network
path()
{
	local name=$1 bytes=$2 bound=$3 host=$4 status=0 text server
	shift 4
	pair "$@"
	case "$*" in *corrupt*) mend_checksums ;; esac
	ip netns exec server quic-hq serve --cert /tmp/certs/server.pem --key /tmp/certs/server.key /tmp/srv :: 4433 \
		>/tmp/serve.log 2>&1 &
	server=$!
	sleep 0.2
	text=$(transfer "$bytes" "$bound" "$host" 2>&1) || status=1
	kill -9 $server
	wait $server 2>/dev/null
	unpair
	text=$(tail -n 1 <<<"$text" | tr '\r' '\n' | tail -n 1)
	tap_result $status "$name ($text)"
}

"$top/selftests/lib/certs" /tmp/certs 10.0.0.1 fd00::1
mkdir -p /tmp/srv /tmp/got
v4=10.0.0.1 v6='[fd00::1]'
M=1000000
[ ! -e /sys/kernel/debug/kmemleak ] || M=200000		# the debug kernel is ten times slower; the bounds hold all the same

# Clean: slow start of 1 MB takes 7 round trips, and 2 before it.
path "RTT 1 ms" $M 15 "$v4" delay 0.5ms
path "RTT 10 ms" $M 110 "$v4" delay 5ms
path "RTT 100 ms, IPv6" $M 1050 "$v6" delay 50ms
path "RTT 1 s" $M 10500 "$v4" delay 500ms

path "RTT 10 ms, 1 % loss" $M 1500 "$v4" delay 5ms loss 1%
path "RTT 100 ms, 1 % loss, IPv6" $M 12000 "$v6" delay 50ms loss 1%
path "RTT 1 s, 1 % loss" 200000 25000 "$v4" delay 500ms loss 1%
path "RTT 20 ms, 10 % loss" 300000 6000 "$v4" delay 10ms loss 10%
path "RTT 20 ms, 30 % loss" 50000 15000 "$v4" delay 10ms loss 30%

path "RTT 20 ms, 25 % reordered" $M 600 "$v4" delay 10ms reorder 25%
path "RTT 20 ms, 10 ms of jitter" $M 700 "$v4" delay 10ms 5ms
path "RTT 20 ms, 20 % duplicated" $M 250 "$v4" delay 10ms duplicate 20%
path "RTT 20 ms, 2 % corrupted" $M 5000 "$v4" delay 10ms corrupt 2%
path "RTT 100 ms, 2 % corrupted, IPv6" $M 20000 "$v6" delay 50ms corrupt 2%
path "RTT 20 ms, all of it" 300000 4000 "$v6" delay 10ms 3ms loss 1% duplicate 2% corrupt 1% reorder 5%

path "10 Mbit/s, RTT 30 ms" 2000000 2200 "$v4" delay 15ms rate 10mbit
path "100 Mbit/s, RTT 20 ms" 5000000 750 "$v6" delay 10ms rate 100mbit

# A server killed before its last bytes were acknowledged goes on trying for a minute, as TCP would; see that it ends.
sleep 70
tap_end
