#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Transfers over bad networks, in virtual time, each with a bound on how long it may take (not only that it ends).
# guest: --limit 600
#
#    server eth0 |----- veth, netem each way -----| eth0 client
#
# Bounds come from the round trip and what the standards promise: 1 round trip of handshake, 1 to ask, slow start from
# 10 packets (RFC 9002, 7.2), and then what losses cost. They leave a factor of about 1.25, less than a probe timeout at
# the wrong place (3 round trips) would cost on a clean path. Which packet meets which of netem's draws is the same in
# every run (see pair.sh), but another after every change of what is sent: where chance decides, the bound is on the
# mean of several seeds, and about 1.4 times that.
# shellcheck disable=SC2154 # top and certs come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
# shellcheck source=../lib/pair.sh
. "$top/selftests/lib/pair.sh"

# Every Nth packet gets four bytes of its ciphertext inverted and a right UDP checksum: the AEAD is what notices (RFC
# 9001, 5.3). netem's corrupt flips any bit, mostly of the headers, and draws it from a generator without a seed.
corrupt_every()
{
	local host
	for host in server client; do
		ip netns exec $host tc filter add dev eth0 ingress protocol ip prio 1 matchall \
			action ok random determ pipe "$1" action pedit munge offset 60 u32 invert action csum udp &&
		ip netns exec $host tc filter add dev eth0 ingress protocol ipv6 prio 2 matchall \
			action ok random determ pipe "$1" action pedit munge offset 80 u32 invert action csum udp || return 1
	done
}

# transfer BYTES HOST: fetch and compare a file; the last line is how many milliseconds that took
transfer()
{
	local start ms
	head -c "$1" /dev/urandom >/tmp/srv/file
	start=$(date +%s%N)
	ip netns exec client timeout 900 quic-hq fetch --timeout 60 --ca $certs/ca.pem -d /tmp/got \
		"https://$2:4433/file" || return 1
	ms=$((($(date +%s%N) - start) / 1000000))
	cmp /tmp/srv/file /tmp/got/file || return 1
	echo
	echo "$ms"
}

# once BYTES HOST NETEM...: on its own network; spoil=N corrupts every Nth packet; prints the milliseconds it took
once()
{
	local bytes=$1 host=$2 status=0 server
	shift 2
	pair "$@" && { [ -z "${spoil:-}" ] || corrupt_every "$spoil"; } || status=1
	ip netns exec server quic-hq serve --cert $certs/server.pem --key $certs/server.key /tmp/srv :: 4433 \
		>/tmp/serve.log 2>&1 &
	server=$!
	sleep 0.2
	transfer "$bytes" "$host" || status=1
	kill -9 $server
	wait $server 2>/dev/null
	unpair
	return $status
}

# path NAME BYTES BOUND-MS HOST NETEM...
path()
{
	local name=$1 bytes=$2 bound=$3 text
	shift 3
	text=$(once "$bytes" "$@" 2>&1)
	ms=$(tail -n 1 <<<"$text")
	[[ $ms =~ ^[0-9]+$ ]] && [ "$ms" -le "$bound" ]
	tap_result $? "$name ($(tr '\r' '\n' <<<"$text" | tail -n 1) ms, bound $bound ms)"
}

# chance NAME BYTES BOUND-MS HOST NETEM...: the mean of some seeds is bounded, and every one ends
chance()
{
	local name=$1 bytes=$2 bound=$3 text all='' sum=0
	shift 3
	[ $seeds -gt 1 ] || bound=$((2 * bound))
	for pair_seed in $(seq $seeds); do
		text=$(once "$bytes" "$@" 2>&1)
		ms=$(tail -n 1 <<<"$text")
		[[ $ms =~ ^[0-9]+$ ]] || { tap_result 1 "$name ($(tr '\r' '\n' <<<"$text" | tail -n 1))"; return; }
		sum=$((sum + ms))
		all+=" $ms"
	done
	pair_seed=0
	[ $((sum / seeds)) -le "$bound" ]
	tap_result $? "$name (mean of$all is $((sum / seeds)) ms, bound $bound ms)"
}

mkdir -p /tmp/srv /tmp/got
v4=10.0.0.1 v6='[fd00::1]'
M=1000000 seeds=6
# The debug kernel is ten times slower; the bounds hold all the same, twice as wide where only one seed is tried.
[ ! -e /sys/kernel/debug/kmemleak ] || M=200000 seeds=1

# Clean: slow start of 1 MB takes 7 round trips, and 2 before it.
path "RTT 1 ms" $M 15 "$v4" delay 0.5ms
path "RTT 10 ms" $M 110 "$v4" delay 5ms
path "RTT 100 ms, IPv6" $M 1050 "$v6" delay 50ms
path "RTT 1 s" $M 10500 "$v4" delay 500ms

chance "RTT 10 ms, 1 % loss" $M 360 "$v4" delay 5ms loss 1%
chance "RTT 100 ms, 1 % loss, IPv6" $M 3600 "$v6" delay 50ms loss 1%
chance "RTT 1 s, 1 % loss" 200000 8500 "$v4" delay 500ms loss 1%
chance "RTT 20 ms, 10 % loss" 300000 2200 "$v4" delay 10ms loss 10%
chance "RTT 20 ms, 30 % loss" 50000 3800 "$v4" delay 10ms loss 30%

chance "RTT 20 ms, 25 % reordered" $M 220 "$v4" delay 10ms reorder 25%
chance "RTT 20 ms, 10 ms of jitter" $M 310 "$v4" delay 10ms 5ms
path "RTT 20 ms, 20 % duplicated" $M 220 "$v4" delay 10ms duplicate 20%
spoil=47 path "RTT 20 ms, 2 % corrupted" $M 2100 "$v4" delay 10ms
spoil=47 path "RTT 100 ms, 2 % corrupted, IPv6" $M 10500 "$v6" delay 50ms
spoil=101 chance "RTT 20 ms, all of it" 300000 700 "$v6" delay 10ms 3ms loss 1% duplicate 2% corrupt 1% reorder 5%

path "10 Mbit/s, RTT 30 ms" $((2 * M)) $((300 + 19 * M / 10000)) "$v4" delay 15ms rate 10mbit
path "100 Mbit/s, RTT 20 ms" $((5 * M)) $((250 + M / 2000)) "$v6" delay 10ms rate 100mbit

# A server killed before its last bytes were acknowledged goes on trying for a minute, as TCP would; see that it ends.
sleep 70
tap_end
