# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced in a guest: two hosts on one link, as most tests need.
#
#    server 10.0.0.1 fd00::1  eth0 |----- veth -----| eth0  10.0.0.2 fd00::2 client

# pair_host NAME NUMBER PEER-NUMBER; neighbours are known beforehand: a lost ARP would cost a test a second.
# Nothing is said at random times (link-local addresses, multicast reports): it would take netem's draws from the test.
pair_host()
{
	local mac=02:00:00:00:00:0
	tc -n "$1" qdisc add dev eth0 clsact &&
	tc -n "$1" filter add dev eth0 egress protocol ipv6 flower ip_proto icmpv6 type 143 action drop || return 1
	ip -n "$1" addr add "10.0.0.$2/24" dev eth0
	ip -n "$1" addr add "fd00::$2/64" dev eth0 nodad
	# netem drops and reorders what it is given: give it packets, not trains of them
	ip -n "$1" link set eth0 address "$mac$2" gso_max_segs 1 addrgenmode none up
	ip -n "$1" neigh add "10.0.0.$3" lladdr "$mac$3" dev eth0 nud permanent
	ip -n "$1" neigh add "fd00::$3" lladdr "$mac$3" dev eth0 nud permanent
}

# pair_hosts: the namespaces
pair_hosts()
{
	local name
	modprobe -qa veth sch_netem sch_ingress cls_flower act_gact 2>/dev/null	# built in where there are none
	for name; do
		ip netns add "$name" && ip -n "$name" link set lo up || return 1
	done
}

# pair_number N: a large number that follows from N and $pair_seed
pair_number()
{
	printf '%u' $(((2 * ${pair_seed:-0} + $1) * 0x9e3779b97f4a7c15))
}

# pair_netem NETEM-OPTION...: for each way (`delay 10ms loss 1%`). Losses repeat: seeds are fixed, and $pair_seed chooses
# others. (Seeds must be large: netem does not warm its generator up, and with small ones nearly all first packets are
# lost.)
pair_netem()
{
	ip netns exec server tc qdisc add dev eth0 root netem limit 10000 seed "$(pair_number 1)" "$@" &&
	ip netns exec client tc qdisc add dev eth0 root netem limit 10000 seed "$(pair_number 2)" "$@"
}

# pair [NETEM-OPTION...]: make them
pair()
{
	pair_hosts server client || return 1
	ip link add eth0 netns server type veth peer name eth0 netns client &&
	pair_host server 1 2 && pair_host client 2 1 || return 1
	[ $# = 0 ] || pair_netem "$@"
}

# pair_apart [NETEM-OPTION...]: the same with a third host between them, which passes nothing on by itself
#
#    server eth0 |-----| s  middle  c |-----| eth0 client
pair_apart()
{
	pair_hosts server client middle || return 1
	ip netns exec middle sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	ip link add eth0 netns server type veth peer name s netns middle &&
	ip link add eth0 netns client type veth peer name c netns middle &&
	ip -n middle link set s gso_max_segs 1 up && ip -n middle link set c gso_max_segs 1 up &&
	pair_host server 1 2 && pair_host client 2 1 || return 1
	[ $# = 0 ] || pair_netem "$@"
}

unpair()
{
	ip netns delete server
	ip netns delete client
}
