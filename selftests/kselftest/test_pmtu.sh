#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Path MTU discovery with a narrow link in the middle (RFC 9000, 14.2 to 14.4; RFC 8899): what an end sends passes it, whoever
# sends, and nothing is ever cut in pieces.
#
#    client eth0 |-----| c  left  m |-- narrow --| m  right  s |-----| eth0 server
#    10.0.1.2          | 10.0.1.1               10.0.2.1       |       10.0.2.2
#    fd00:1::2         | fd00:1::1              fd00:2::1      |      fd00:2::2
#
# Both routers send ICMP unless they are told not to (`mute`). A client believes it over IPv4; over IPv6, and at a server,
# probes that are lost are all there is (net/icmp.c).
# shellcheck disable=SC2154 # top and certs come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"

BYTES=3000000
[ ! -e /sys/kernel/debug/kmemleak ] || BYTES=1500000

# host NAME DEVICE V4 V6
host()
{
	ip -n "$1" link set dev "$2" gso_max_segs 1 up &&
	ip -n "$1" addr add "$3" dev "$2" && ip -n "$1" addr add "$4" dev "$2" nodad
}

# net_up NARROW-MTU
net_up()
{
	local name
	for name in client left right server; do
		ip netns add $name && ip -n $name link set lo up || return 1
		ip netns exec $name sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
			net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 >/dev/null
	done
	ip link add eth0 netns client type veth peer name c netns left &&
	ip link add name m netns left type veth peer name m netns right &&
	ip link add name s netns right type veth peer name eth0 netns server || return 1
	host client eth0 10.0.1.2/24 fd00:1::2/64 && host left c 10.0.1.1/24 fd00:1::1/64 &&
	host left m 10.0.3.1/24 fd00:3::1/64 && host right m 10.0.3.2/24 fd00:3::2/64 &&
	host right s 10.0.2.1/24 fd00:2::1/64 && host server eth0 10.0.2.2/24 fd00:2::2/64 || return 1
	ip -n client route add default via 10.0.1.1 && ip -n client route add default via fd00:1::1 &&
	ip -n server route add default via 10.0.2.1 && ip -n server route add default via fd00:2::1 &&
	ip -n left route add 10.0.2.0/24 via 10.0.3.2 && ip -n left route add fd00:2::/64 via fd00:3::2 &&
	ip -n right route add 10.0.1.0/24 via 10.0.3.1 && ip -n right route add fd00:1::/64 via fd00:3::1 || return 1
	ip netns exec client tc qdisc add dev eth0 root netem limit 10000 delay 10ms rate 20mbit
	ip netns exec server tc qdisc add dev eth0 root netem limit 10000 delay 10ms rate 20mbit
	narrow "$1"
}

narrow()
{
	ip -n left link set dev m mtu "$1" && ip -n right link set dev m mtu "$1"
}

# Routers that say nothing: a black hole
mute()
{
	local name
	for name in left right; do
		ip -n $name rule add iif lo ipproto icmp blackhole
		ip -n $name -6 rule add iif lo ipproto ipv6-icmp blackhole
	done
}

net_down()
{
	local name
	for name in client left right server; do
		ip netns delete $name
	done
}

# count NAMESPACE COUNTER...: the sum
count()
{
	local name=$1
	shift
	ip netns exec "$name" nstat -asz "$@" | awk 'NR > 1 { sum += $2 } END { print sum + 0 }'
}

# Return: no fragment was made or put together anywhere, and the routers did refuse something
unfragmented()
{
	local name made refused
	for name in client left right server; do
		made=$(count $name IpFragCreates IpFragOKs IpReasmReqds Ip6FragCreates Ip6FragOKs Ip6ReasmReqds)
		[ "$made" = 0 ] || { echo "$made fragments at $name"; return 1; }
	done
	# IPv4 counts a packet too big to pass on as one it failed to cut; IPv6 as one too big
	refused=$(($(count left IpFragFails Ip6InTooBigErrors) + $(count right IpFragFails Ip6InTooBigErrors)))
	[ $refused -gt 0 ] || { echo "the narrow link refused nothing"; return 1; }
	echo "$refused refused"
}

# carry SENDER ADDRESS: the file from one end to the other, then how many milliseconds that took. Of a `several` the
# server has another client, so that ICMP does not tell whose a packet was.
carry()
{
	local start server other status=0 up=/dev/null down=/tmp/file
	[ "$1" != client ] || up=/tmp/file down=/dev/null
	rm -f /tmp/got* /tmp/srv/got*
	if [ "$1" = several ]; then
		ip netns exec server quic-hq serve --cert $certs/server.pem --key $certs/server.key /tmp/srv "$2" 4433 &
		server=$!
		sleep 0.1
		sleep 100 | ip netns exec client quicat --alpn hq-interop --ca $certs/ca.pem --name localhost "$2" 4433 &
		other=$!
		sleep 0.1
		start=$(date +%s%N)
		ip netns exec client timeout 100 quic-hq fetch --ca $certs/ca.pem --name localhost -o /tmp/got \
			"https://$(host_of "$2"):4433/file" || status=1
	else
		ip netns exec server quicat -l --cert $certs/server.pem --key $certs/server.key "$2" 4433 \
			<$down >/tmp/got-up &
		server=$!
		sleep 0.1
		start=$(date +%s%N)
		ip netns exec client timeout 100 quicat --ca $certs/ca.pem --name localhost "$2" 4433 \
			<$up >/tmp/got-down && wait $server || status=1
		[ "$1" = client ] && mv /tmp/got-up /tmp/got || mv /tmp/got-down /tmp/got
	fi
	start=$((($(date +%s%N) - start) / 1000000))
	kill -9 $server ${other:-} 2>/dev/null
	wait $server ${other:-} 2>/dev/null
	[ $status = 0 ] && cmp /tmp/file /tmp/got || return 1
	echo
	echo "$start"
}

host_of() { case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }

# path NAME SENDER ADDRESS BOUND-MS MTU [LATER-MTU] [mute]: LATER: the link narrows when 0.3 s went by
path()
{
	local name=$1 sender=$2 address=$3 bound=$4 mtu=$5 later=${6:-} status=0 text ms
	net_up "$mtu" || status=1
	[ "${7:-}" != mute ] || mute || status=1
	[ -z "$later" ] || (sleep 0.3; narrow "$later") &
	text=$(carry "$sender" "$address" 2>&1) || status=1
	ms=$(tail -n 1 <<<"$text")
	[[ $ms =~ ^[0-9]+$ ]] && [ "$ms" -le "$bound" ] || status=1
	text="$(tr '\r' '\n' <<<"$text" | tail -n 1) ms, bound $bound ms; $(unfragmented)" || status=1
	net_down
	tap_result $status "$name ($text)"
}

mkdir -p /tmp/srv
head -c $BYTES /dev/urandom >/tmp/file
cp /tmp/file /tmp/srv/file
v4=10.0.2.2 v6=fd00:2::2

# The debug kernel is ten times slower: there only what differs most.
if [ -e /sys/kernel/debug/kmemleak ]; then
	path "client sends, the link narrows, IPv6" client $v6 3500 1500 1300
	path "server of several sends, the link narrows" several $v4 3500 1500 1300
	sleep 70
	tap_end
	exit
fi

# 3 MB at 20 Mbit/s are 1.2 s, some round trips of 20 ms more until that is reached
path "client sends" client $v4 1700 1400
path "server sends" server $v4 1700 1400
path "client sends, IPv6" client $v6 1700 1400
path "server sends, IPv6" server $v6 1700 1400
path "server of several sends" several $v4 1700 1400
path "client sends, no ICMP" client $v4 1700 1300 '' mute
path "server sends, no ICMP, IPv6" server $v6 1700 1300 '' mute
# RFC 8899, 4.3: what passed does not any more. The client hears of it over IPv4; others take it for lost until three PTOs
# in a row are.
path "client sends, the link narrows" client $v4 2300 1500 1300
path "server sends, the link narrows" server $v4 3500 1500 1300
path "server of several sends, the link narrows" several $v4 3500 1500 1300
path "client sends, the link narrows, IPv6" client $v6 3500 1500 1300
path "server sends, the link narrows, IPv6" server $v6 3500 1500 1300
path "client sends, the link narrows, no ICMP" client $v4 3500 1500 1300 mute
sleep 70
tap_end
