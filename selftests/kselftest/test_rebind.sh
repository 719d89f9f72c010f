#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Transfers while addresses change (RFC 9000, 9): a NAT that chooses anew, an address that goes away.
# guest: --limit 600
#
#    server eth0 |-----| s  middle: relay, a NAT  c |-----| eth0 client
#
# Time is virtual; each transfer has a bound. The debug kernel is ten times slower: there a fifth of the bytes takes as long
# at a fifth of the rate, and as many addresses.
# shellcheck disable=SC2154 # top and certs come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
# shellcheck source=../lib/pair.sh
. "$top/selftests/lib/pair.sh"

rate=20mbit fewer=1 ports=3000
[ ! -e /sys/kernel/debug/kmemleak ] || { rate=4mbit fewer=5 ports=3500; }

# serve: in the background; $server
serve()
{
	ip netns exec server quic-hq serve --cert $certs/server.pem --key $certs/server.key /tmp/srv :: 4433 \
		>/tmp/serve.log 2>&1 &
	server=$!
	sleep 0.2
}

stop()
{
	kill -9 $server
	wait $server 2>/dev/null
}

# transfer BYTES BOUND-MS HOST
transfer()
{
	local start ms
	head -c $(($1 / fewer)) /dev/urandom >/tmp/srv/file
	rm -f /tmp/got/file
	start=$(date +%s%N)
	# shellcheck disable=SC2086 # options are words
	ip netns exec client timeout 900 quic-hq fetch ${fetch_options:-} --timeout 20 --ca $certs/ca.pem -d /tmp/got \
		"https://$3:4433/file" || return 1
	ms=$((($(date +%s%N) - start) / 1000000))
	cmp /tmp/srv/file /tmp/got/file || return 1
	echo "$ms ms, bound $2 ms"
	[ $ms -le "$2" ]
}

hex=({0,1,2}{0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f})

# nat NAME BYTES BOUND-MS HOST RELAY-OPTION...
nat()
{
	local name=$1 bytes=$2 bound=$3 host=$4 status=0 text last relay
	shift 4
	pair_apart delay 10ms rate $rate
	for ((last = 3; last < 40; last++)); do
		echo "neigh add 10.0.0.$last lladdr 02:00:00:00:00:02 dev eth0 nud permanent"
		echo "neigh add fd00::${hex[last]} lladdr 02:00:00:00:00:02 dev eth0 nud permanent"
	done | ip -n server -batch -
	ip netns exec middle relay c s "$@" >/tmp/relay.log 2>&1 &
	relay=$!
	serve
	text=$(transfer "$bytes" "$bound" "$host" 2>&1) || status=1
	stop
	kill $relay
	wait $relay 2>/dev/null
	unpair
	ip netns delete middle
	text=$(tail -n 1 <<<"$text" | tr '\r' '\n' | tail -n 1)
	tap_result $status "$name ($text)"
}

# gone NAME HOST OLD NEW: the client's address vanishes in the middle, it has another
gone()
{
	local name=$1 host=$2 old=$3 new=$4 status=0 text
	pair delay 10ms rate $rate
	# shellcheck disable=SC2046 # nothing, or a word
	ip -n client addr add "$new" dev eth0 $([[ $new != *:* ]] || echo nodad)
	serve
	(sleep 0.5; ip -n client addr del "$old" dev eth0) &
	text=$(transfer 3000000 4000 "$host" 2>&1) || status=1
	stop
	unpair
	text=$(tail -n 1 <<<"$text" | tr '\r' '\n' | tail -n 1)
	tap_result $status "$name ($text)"
}

mkdir -p /tmp/srv /tmp/got

nat "a new port every 400 ms" 3000000 $ports 10.0.0.1 --rebind-port 0.4
nat "a new port every 400 ms, IPv6" 3000000 $ports '[fd00::1]' --rebind-port 0.4
nat "a new address every second" 3000000 4500 10.0.0.1 --rebind-address 1
nat "a new address every second, IPv6" 3000000 4500 '[fd00::1]' --rebind-address 1
nat "a new port every 400 ms, 1 % lost" 2000000 6000 10.0.0.1 --rebind-port 0.4 --loss 1
# RFC 9000, 5.1: the client's connection ID is empty. The server follows the NAT all the same (9.3, 9.5).
fetch_options=--empty-cid
nat "a new port every 400 ms, no ID" 3000000 3000 10.0.0.1 --rebind-port 0.4
nat "a new address every second, no ID, IPv6" 3000000 4500 '[fd00::1]' --rebind-address 1
fetch_options=
gone "the client's address goes" 10.0.0.1 10.0.0.2/24 10.0.0.3/16
gone "the client's address goes, IPv6" '[fd00::1]' fd00::2/64 fd00::3/64
sleep 70
tap_end
