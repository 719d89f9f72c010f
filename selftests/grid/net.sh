# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced in a guest: one bottleneck between hosts, all of it in virtual time.
#
#    sender  eth0 |----| s        x |--------| y        c |----| eth0  receiver
#    10.0.0.2          |   middle   rate, queue   delay, loss  |       10.0.0.1
#                      |   delay <-----------------------------|
#
# s, x, y and c are devices of the namespace `middle`; what comes in at one leaves by the next.

NETEM_LIMIT=200000
net_seed=1	# of the losses; from 1

net_forward()
{
	tc -n middle qdisc add dev "$1" clsact &&
	tc -n middle filter add dev "$1" ingress matchall action mirred egress redirect dev "$2"
}

# net_up RATE-MBIT RTT-MS QUEUE-BYTES [NETEM-OPTION...]: the options hold behind the bottleneck, towards the receiver
net_up()
{
	local rate=$1 rtt=$2 queue=$3 host dev packets
	shift 3
	packets=$((queue / 1500))
	for host in sender receiver middle; do
		ip netns add $host && ip -n $host link set lo up || return 1
		ip netns exec $host sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	done
	ip link add eth0 netns sender type veth peer name s netns middle &&
	ip link add eth0 netns receiver type veth peer name c netns middle &&
	ip link add x netns middle type veth peer name y netns middle || return 1
	net_host sender 2 1 && net_host receiver 1 2 || return 1
	for dev in s c x y; do
		ip -n middle link set $dev gso_max_segs 1 promisc on up || return 1
	done
	net_forward s x && net_forward y c && net_forward c s || return 1
	tc -n middle qdisc add dev x root netem limit $((packets > 10 ? packets : 10)) rate "${rate}mbit" &&
	tc -n middle qdisc add dev c root netem limit $NETEM_LIMIT seed "$(printf %u $((net_seed * 0x9e3779b97f4a7c15)))" \
		delay "$(net_half "$rtt")" "$@" &&
	tc -n middle qdisc add dev s root netem limit $NETEM_LIMIT delay "$(net_half "$rtt")"
}

net_half()
{
	echo "$(($1 * 500))us"
}

net_host()
{
	local mac=02:00:00:00:00:0
	ip -n "$1" addr add "10.0.0.$2/24" dev eth0
	ip -n "$1" link set eth0 address "$mac$2" gso_max_segs 1 addrgenmode none up
	ip -n "$1" neigh add "10.0.0.$3" lladdr "$mac$3" dev eth0 nud permanent
	# Neither is held back by the size of buffers
	sysctl -qw net.quic.quic_rmem='4096 1048576 134217728' net.quic.quic_wmem='4096 65536 134217728'
	ip netns exec "$1" sysctl -qw net.ipv4.tcp_rmem='4096 131072 134217728' net.ipv4.tcp_wmem='4096 65536 134217728' \
		net.ipv4.tcp_no_metrics_save=1
}

net_down()
{
	local host
	for host in sender receiver middle; do
		ip netns delete $host
	done
}

# net_flow PROTO CC LABEL WARM-MS END-MS BYTES: run it to its end; prints the receiver's line
net_flow()
{
	local server out=/tmp/flow.out
	: >$out
	ip netns exec receiver flow serve "$1" 4433 >>$out 2>/tmp/flow.err &
	server=$!
	sleep 0.1
	timeout 3000 ip netns exec sender flow send "$1" "$2" 10.0.0.1 4433 "$3" "$4" "$5" "$6" >/tmp/flow.send 2>&1
	kill $server
	wait $server 2>/dev/null
	cat $out
}
