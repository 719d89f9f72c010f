#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A few cells of `make grid`, and flows that share a bottleneck or lose it for a while (grid/net.sh has the picture).
# guest: --limit 900 not-debug
# shellcheck disable=SC2154 # top and certs come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
# shellcheck source=../grid/net.sh
. "$top/selftests/grid/net.sh"

# cells RATE:RTT:LOSS...: of one congestion control, next to TCP's
cells()
{
	local cc=$1 cell list=()
	shift
	for cell; do
		list+=("tcp:$cc:$cell" "quic:$cc:$cell")
	done
	"$top/selftests/grid/guest" "${list[@]}" >/tmp/grid.txt
	"$top/selftests/grid/report" /tmp/grid.json /tmp/grid.txt | sed 's/^/# /'
	return "${PIPESTATUS[0]}"
}

# rate_of FILE LABEL: bytes a second after the warm-up
rate_of() { sed -nE "s/^$2 .* rate=([0-9]+).*/\1/p" "$1"; }

# share PROTO PERCENT: a QUIC flow and another, the second a second later; nobody has less than PERCENT of the other
share()
{
	local proto=$1 least=$2 one two pids=()
	net_up 10 40 50000 || return 1
	ip netns exec receiver flow serve quic 4433 >/tmp/one.out &
	pids+=($!)
	ip netns exec receiver flow serve "$proto" 4434 >/tmp/two.out &
	pids+=($!)
	sleep 0.1
	ip netns exec sender flow send quic cubic 10.0.0.1 4433 one 10000 60000 1000000000 >/dev/null 2>&1 &
	sleep 1
	ip netns exec sender flow send "$proto" cubic 10.0.0.1 4434 two 10000 59000 1000000000 >/dev/null 2>&1
	sleep 1
	kill "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null
	net_down
	one=$(rate_of /tmp/one.out one) two=$(rate_of /tmp/two.out two)
	echo "# quic $one, $proto $two bytes a second"
	[ $((100 * ${one:-0})) -ge $((least * ${two:-1})) ] && [ $((100 * ${two:-0})) -ge $((least * ${one:-1})) ]
}

# RFC 9002, 6.2.1: the PTO running when 2 s of darkness end began after the first and is at most as long as what passed
outage()
{
	local line gap
	net_up 20 40 100000 || return 1
	{
		sleep 2
		tc -n middle qdisc change dev c root netem limit $NETEM_LIMIT delay 20ms loss 100%
		sleep 2
		tc -n middle qdisc change dev c root netem limit $NETEM_LIMIT delay 20ms loss 0%
	} &
	line=$(net_flow quic "$1" outage 0 60000 20000000)
	wait
	net_down
	echo "# $line"
	gap=$(sed -nE 's/.* gap_us=([0-9]+).*/\1/p' <<<"$line")
	[[ $line == *"bytes=2"* ]] && [ "${gap:-0}" -ge 2000000 ] && [ "$gap" -le 4200000 ]
}

# BBR at 1 % random loss and 40 ms: at least five times CUBIC
five_times()
{
	local bbr cubic
	net_up 100 40 500000 loss 1% || return 1
	cubic=$(net_flow quic cubic c 0 10000 30000000 | sed -nE 's/.* rate=([0-9]+).*/\1/p')
	bbr=$(net_flow quic bbr b 0 10000 30000000 | sed -nE 's/.* rate=([0-9]+).*/\1/p')
	net_down
	echo "# bbr $bbr, cubic $cubic bytes a second"
	[ "${bbr:-0}" -ge $((5 * ${cubic:-1})) ]
}

# rate ARGUMENT-OF-NET_FLOW...: bytes a second
rate() { net_flow "$@" | sed -nE 's/.* rate=([0-9]+).*/\1/p'; }

# RFC 9002, 7.7: under fq the stamps of our packets are what paces, and cost nothing
earliest_departure()
{
	local own fq throttled
	net_up 20 40 100000 || return 1
	own=$(rate quic "$1" own 0 10000 6000000)
	net_down
	net_up 20 40 100000 || return 1
	tc -n sender qdisc add dev eth0 root fq || return 1
	fq=$(rate quic "$1" fq 0 10000 6000000)
	throttled=$(tc -n sender -s qdisc show dev eth0 | sed -nE 's/.* throttled ([0-9]+).*/\1/p' | tail -n 1)
	net_down
	echo "# own timer $own, fq $fq bytes a second, $throttled packets waited in fq"
	# of 4200 packets
	[ "${throttled:-0}" -ge 1000 ] && [ $((100 * ${fq:-0})) -ge $((97 * ${own:-1})) ]
}

# ten_megabytes CC: over 100 Mbit/s x 60 ms, in at most 1.15 of TCP's time
ten_megabytes()
{
	local tcp quic
	net_up 100 60 750000 || return 1
	tcp=$(rate tcp "$1" t 0 10000 10000000)
	net_down
	net_up 100 60 750000 || return 1
	quic=$(rate quic "$1" q 0 10000 10000000)
	net_down
	echo "# tcp $tcp, quic $quic bytes a second"
	[ $((115 * ${quic:-0})) -ge $((100 * ${tcp:-1})) ]
}

# costs CC: a quarter of the packets that overtake 20 ms of others, and 10 ms of jitter, cost at most 10 %
costs()
{
	local cc=$1 clean got option failed=0
	for option in '' 'reorder 25%' 10ms; do
		# shellcheck disable=SC2086 # options are words
		net_up 20 40 200000 $option || return 1
		got=$(rate quic "$cc" got 1000 5000 1000000000)
		net_down
		: "${clean:=$got}"
		echo "# ${option:-nothing}: $got bytes a second"
		[ $((100 * ${got:-0})) -ge $((90 * ${clean:-1})) ] || failed=1
	done
	return $failed
}

tap "CUBIC next to TCP's" cells cubic 10:20:0 100:2:0 100:10:1 10:20:1
tap "BBR next to TCP's" cells bbr 10:20:0 10:20:1
tap "BBR and CUBIC with losses" five_times
tap "two flows share" share quic 80
tap "CUBIC shares with TCP's" share tcp 70
tap "CUBIC after an outage" outage cubic
tap "BBR after an outage" outage bbr
tap "paced by fq" earliest_departure cubic
tap "10 MB in slow start" ten_megabytes cubic
tap "10 MB in Startup" ten_megabytes bbr
tap "reordering and jitter" costs cubic
tap "reordering and jitter with BBR" costs bbr
tap_end
