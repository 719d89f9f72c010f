#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Transfers while addresses change (RFC 9000, 9): a NAT that chooses anew, an address that goes away.
# guest: --limit 600
#
#    server eth0 |-----| s  middle: relay, a NAT  c |-----| eth0 client
#
# Time is virtual; each transfer has a bound.
# shellcheck disable=SC2154 # top comes from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
# shellcheck source=../lib/pair.sh
. "$top/selftests/lib/pair.sh"

# serve: in the background; $server
serve()
{
	ip netns exec server quic-hq serve --cert /tmp/certs/server.pem --key /tmp/certs/server.key /tmp/srv :: 4433 \
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
	head -c "$1" /dev/urandom >/tmp/srv/file
	rm -f /tmp/got/file
	start=$(date +%s%N)
	ip netns exec client timeout 900 quic-hq fetch --timeout 20 --ca /tmp/certs/ca.pem -d /tmp/got \
		"https://$3:4433/file" || return 1
	ms=$((($(date +%s%N) - start) / 1000000))
	cmp /tmp/srv/file /tmp/got/file || return 1
	echo "$ms ms, bound $2 ms"
	[ $ms -le "$2" ]
}

# nat NAME BYTES BOUND-MS HOST RELAY-OPTION...
nat()
{
	local name=$1 bytes=$2 bound=$3 host=$4 status=0 text last relay
	shift 4
	pair_apart delay 10ms rate 20mbit
	for ((last = 3; last < 40; last++)); do
		ip -n server neigh add "10.0.0.$last" lladdr 02:00:00:00:00:02 dev eth0 nud permanent
		ip -n server neigh add "fd00::$(printf %x $last)" lladdr 02:00:00:00:00:02 dev eth0 nud permanent
	done
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
	pair delay 10ms rate 20mbit
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

"$top/selftests/lib/certs" /tmp/certs 10.0.0.1 fd00::1
mkdir -p /tmp/srv /tmp/got

nat "a new port every 400 ms" 3000000 3000 10.0.0.1 --rebind-port 0.4
nat "a new port every 400 ms, IPv6" 3000000 3000 '[fd00::1]' --rebind-port 0.4
nat "a new address every second" 3000000 4500 10.0.0.1 --rebind-address 1
nat "a new address every second, IPv6" 3000000 4500 '[fd00::1]' --rebind-address 1
nat "a new port every 400 ms, 1 % lost" 2000000 6000 10.0.0.1 --rebind-port 0.4 --loss 1
gone "the client's address goes" 10.0.0.1 10.0.0.2/24 10.0.0.3/16
gone "the client's address goes, IPv6" '[fd00::1]' fd00::2/64 fd00::3/64
sleep 70
tap_end
