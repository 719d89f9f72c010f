# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced in a guest: two hosts on one link, as most tests need.
#
#    server 10.0.0.1 fd00::1  eth0 |----- veth -----| eth0  10.0.0.2 fd00::2 client

# In the debug kernel a process costs as much as a thousand packets: the tools read what is to be done from a batch.

# pair_links NAME NUMBER PEER-NUMBER: the end of a host, for `ip -batch`; neighbours are known beforehand: a lost ARP would
# cost a test a second. Nothing is said at random times (link-local addresses, multicast reports): it would take netem's
# draws from the test. And netem drops and reorders what it is given: give it packets, not trains of them.
pair_links()
{
	local mac=02:00:00:00:00:0
	cat <<-END
	link set lo up
	addr add 10.0.0.$2/24 dev eth0
	addr add fd00::$2/64 dev eth0 nodad
	link set eth0 address $mac$2 gso_max_segs 1 addrgenmode none up
	neigh add 10.0.0.$3 lladdr $mac$3 dev eth0 nud permanent
	neigh add fd00::$3 lladdr $mac$3 dev eth0 nud permanent
	END
}

# pair_host NAME NUMBER PEER-NUMBER [NETEM-OPTION...]: with netem on its way out (`delay 10ms loss 1%`). Losses repeat: seeds
# are fixed, and $pair_seed chooses others. (Seeds must be large: netem does not warm its generator up, and with small ones
# nearly all first packets are lost.)
pair_host()
{
	local name=$1 number=$2
	{
		echo "qdisc add dev eth0 clsact"
		echo "filter add dev eth0 egress protocol ipv6 flower ip_proto icmpv6 type 143 action drop"
		[ $# = 3 ] || echo "qdisc add dev eth0 root netem limit 10000 seed $(pair_number "$number") ${*:4}"
	} | tc -n "$name" -batch - && pair_links "${@:1:3}" | ip -n "$name" -batch -
}

# pair_hosts: the namespaces
pair_hosts()
{
	# built in where there are none
	[ ! -d "/lib/modules/$(</proc/sys/kernel/osrelease)" ] ||
		modprobe -qa veth sch_netem sch_ingress cls_flower act_gact 2>/dev/null
	printf 'netns add %s\n' "$@" | ip -batch -
}

# pair_number N: a large number that follows from N and $pair_seed
pair_number()
{
	printf '%u' $(((2 * ${pair_seed:-0} + $1) * 0x9e3779b97f4a7c15))
}

# pair [NETEM-OPTION...]: make them
pair()
{
	pair_hosts server client &&
	ip link add eth0 netns server type veth peer name eth0 netns client &&
	pair_host server 1 2 "$@" && pair_host client 2 1 "$@"
}

# pair_apart [NETEM-OPTION...]: the same with a third host between them, which passes nothing on by itself
#
#    server eth0 |-----| s  middle  c |-----| eth0 client
pair_apart()
{
	pair_hosts server client middle || return 1
	ip netns exec middle sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	ip -batch - <<-END &&
	link add eth0 netns server type veth peer name s netns middle
	link add eth0 netns client type veth peer name c netns middle
	END
	ip -n middle -batch - <<-END &&
	link set lo up
	link set s gso_max_segs 1 up
	link set c gso_max_segs 1 up
	END
	pair_host server 1 2 "$@" && pair_host client 2 1 "$@"
}

unpair()
{
	ip -batch - <<-END
	netns delete server
	netns delete client
	END
}
