#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ECN over a bottleneck (grid/net.sh has the picture): RFC 9000, 13.4; RFC 9002, 7.1.
# shellcheck disable=SC2154 # top and certs come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
# shellcheck source=../grid/net.sh
. "$top/selftests/grid/net.sh"

# counted: packets with ECT(0) that came in from the sender
count_marks()
{
	tc -n middle filter add dev s ingress prio 1 protocol ip flower ip_tos 2/3 action continue
	tc -n middle filter del dev s ingress pref 49152 2>/dev/null
	tc -n middle filter add dev s ingress prio 2 matchall action mirred egress redirect dev x
}

counted()
{
	tc -n middle -s filter show dev s ingress prio 1 | sed -nE 's/.* ([0-9]+) pkt .*/\1/p' | head -n 1
}

info() { sed -nE "s/.*\b$1=([0-9]+).*/\1/p" /tmp/flow.send | tail -n 1; }

# 2 MB; the debug kernel is ten times slower: a quarter of it at a quarter of the rate takes as long
rate=20 amount=2000000 some=2%
[ ! -e /sys/kernel/debug/kmemleak ] || { rate=5 amount=500000 some=4%; }

# run CC NETEM...: that over 20 ms of round trip, with a queue that holds them; says what happened
run()
{
	local cc=$1 line
	shift
	net_up $rate 20 2500000 "$@" && count_marks && prepare || return 1
	line=$(net_flow quic "$cc" ecn 0 20000 $amount)
	bytes=$(sed -nE 's/.*bytes=([0-9]+).*/\1/p' <<<"$line")
	ce=$(info ce) lost=$(info lost) sent=$(info sent) marks=$(counted)
	net_down
	echo "# $cc $*: ${bytes:-0} bytes, $sent packets sent, $marks with ECT(0), $ce CE, $lost lost"
	[ "${bytes:-0}" -ge $amount ]
}

prepare() { :; }

plain()
{
	run cubic && [ "$ce" = 0 ] && [ "$lost" = 0 ] && [ "$marks" -ge $((sent * 9 / 10)) ]
}

# netem marks what it would drop: RFC 3168, 5
marked()
{
	run "$1" loss $some ecn && [ "$ce" -ge 5 ] && [ "$lost" -le 2 ] && [ "$marks" -ge $((sent * 9 / 10)) ]
}

# CE slows the sender as a loss would: 20 % of it cannot leave a window that fills the link (RFC 9002, 7.1)
heeded()
{
	local us
	net_up $rate 20 2500000 loss 20% ecn || return 1
	us=$(net_flow quic cubic ecn 0 20000 $amount | sed -nE 's/.* us=([0-9]+).*/\1/p')
	ce=$(info ce)
	net_down
	echo "# 20 % CE: ${us:-0} us, $ce CE"
	[ "${us:-0}" -gt 2000000 ]
}

# RFC 9000, 13.4.2.1: marks that do not arrive end the marking
bleached()
{
	prepare()
	{
		tc -n middle filter add dev y ingress prio 1 protocol ip matchall \
			action pedit ex munge ip dsfield set 0 retain 3 pipe action csum ip4h pipe action continue
		tc -n middle filter del dev y ingress pref 49152 2>/dev/null
		tc -n middle filter add dev y ingress prio 2 matchall action mirred egress redirect dev c
	}
	run cubic && [ "$marks" -ge 1 ] && [ "$marks" -le 40 ] && [ "$lost" = 0 ]
}

# 13.4.2: a path that drops what is marked: the handshake takes longer, and then all is well
dropped()
{
	prepare()
	{
		tc -n middle filter add dev y ingress prio 1 protocol ip flower ip_tos 2/3 action drop
		tc -n middle filter del dev y ingress pref 49152 2>/dev/null
		tc -n middle filter add dev y ingress prio 2 matchall action mirred egress redirect dev c
	}
	run cubic && [ "$marks" -le 40 ]
}

tap "all packets are marked where nothing is in the way" plain
tap "CUBIC: CE marks instead of losses" marked cubic
tap "NewReno: CE marks instead of losses" marked newreno
tap "BBR: CE marks instead of losses" marked bbr
tap "CE slows down" heeded
tap "marks that are cleared on the way end" bleached
tap "marked packets that are dropped on the way end the marks" dropped
tap_end
