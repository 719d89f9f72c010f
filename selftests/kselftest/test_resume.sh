#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Resumption (RFC 9001, 4.5), 0-RTT (4.6), tokens (RFC 9000, 8.1.3) and client certificates, end to end with the tools,
# in virtual time: how long a fetch took tells how many round trips it needed.
# guest: --limit 600
#
#    server eth0 |----- veth, netem each way -----| eth0 client
#
# shellcheck disable=SC2154 # top and certs come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
# shellcheck source=../lib/pair.sh
. "$top/selftests/lib/pair.sh"

mkdir -p /tmp/srv /tmp/got
head -c 30000 /dev/urandom >/tmp/srv/file
for i in $(seq 40); do head -c 32 /dev/urandom >/tmp/srv/f$i; done

# The tests run in subshells: who runs stands in a file.
serve()	# OPTION...
{
	ip netns exec server quic-hq serve --cert $certs/server.pem --key $certs/server.key "$@" /tmp/srv :: 4433 \
		>/tmp/serve.log 2>&1 &
	echo $! >/tmp/server.pid
	sleep 0.2
	kill -0 $!
}

stop()
{
	kill "$(cat /tmp/server.pid)"
	while kill -0 "$(cat /tmp/server.pid)" 2>/dev/null; do sleep 0.1; done
	sleep 2
}

fetch()	# FILE OPTION...
{
	local file=$1
	shift
	rm -f /tmp/got/*
	start=$(date +%s%N)
	ip netns exec client timeout 120 quic-hq fetch -v --timeout 60 --ca $certs/ca.pem -d /tmp/got "$@" \
		"https://$host:4433/$file" >/tmp/fetch.log 2>&1 || { cat /tmp/fetch.log; return 1; }
	ms=$((($(date +%s%N) - start) / 1000000))
	cmp /tmp/srv/$file /tmp/got/$file || return 1
	grep -o 'connected.*' /tmp/fetch.log
	echo "$ms ms"
}

says() { grep -q "$1" /tmp/fetch.log || { cat /tmp/fetch.log; return 1; }; }
silent() { ! grep "$1" /tmp/fetch.log; }

# 0-RTT: asked and answered in the first round trip; the certificates do not go again.
full() { rm -f /tmp/session; fetch f1 --session /tmp/session && silent 0-RTT && [ -s /tmp/session ]; }
again() { fetch f1 --session /tmp/session && silent 0-RTT; }
early() { fetch f1 --session /tmp/session --zerortt && says '0-RTT accepted'; }
refused() { fetch f1 --session /tmp/session --zerortt && says '0-RTT refused'; }

mode600() { [ "$(stat -c %a /tmp/session)" = 600 ]; }
broken() { head -c 100 /tmp/session >/tmp/half && fetch f1 --session /tmp/half --zerortt && silent '0-RTT'; }

many()
{
	local urls=()
	for i in $(seq 40); do urls+=("https://$host:4433/f$i"); done
	rm -f /tmp/got/*
	ip netns exec client quic-hq fetch -v --ca $certs/ca.pem -d /tmp/got --session /tmp/session --zerortt \
		"${urls[@]}" >/tmp/fetch.log 2>&1 || { cat /tmp/fetch.log; return 1; }
	for i in $(seq 40); do cmp /tmp/srv/f$i /tmp/got/f$i || return 1; done
	says '0-RTT accepted'
}

hosts=(10.0.0.1 '[fd00::1]') times=12
# ten times slower, mostly in starting programs
[ ! -e /sys/kernel/debug/kmemleak ] || { hosts=('[fd00::1]'); times=4; }

for host in "${hosts[@]}"; do
	pair delay 50ms
	serve --zerortt
	tap "full handshake, a session is kept, $host" full
	tap "only its owner may read it" mode600
	tap "resumed" again
	tap "0-RTT accepted" early
	tap "0-RTT in the next connection" early
	tap "40 files by 0-RTT" many
	tap "a broken session file" broken
	stop
	serve --zerortt
	tap "another server's ticket: refused, the file arrives" refused
	tap "and then accepted" early
	stop
	serve
	tap "a server without 0-RTT refuses" refused
	stop
	unpair
done

# Round trips, of 100 ms: full: handshake 1, request 1; 0-RTT: the answer comes behind the handshake.
host=10.0.0.1
bound() { "$1" && echo "$ms of at most $2 ms" && [ $ms -le "$2" ]; }
pair delay 50ms
serve --zerortt --retry
tap "with Retry: 3 round trips" bound full 350
tap "with a token: none of Retry's" bound again 250
tap "and 0-RTT" bound early 250
stop
unpair

# Loss: nothing is lost for good, whatever the answer to 0-RTT.
lossy()
{
	local i
	for i in $(seq $times); do
		fetch file --session /tmp/session --zerortt || return 1
		[ $((i % 4)) -ne 0 ] || { stop; serve --zerortt; }
	done
}
pair delay 20ms loss 10%
serve --zerortt
tap "10 % loss: a session" full
tap "10 % loss: $times times 0-RTT, a new server now and then" lossy
stop
unpair
pair delay 20ms 5ms reorder 25%
serve --zerortt
tap "reordered: a session" full
tap "reordered: $times times 0-RTT" lossy
stop

# quicat: what standard input has leaves with the ClientHello.
cat_once()
{
	ip netns exec server quicat -l --zerortt --cert $certs/server.pem --key $certs/server.key 4434 \
		</tmp/srv/f2 >/tmp/got/in 2>/tmp/cat.log &
	local cat=$!
	sleep 0.2
	ip netns exec client quicat -v --session /tmp/cat.session "$@" --ca $certs/ca.pem 10.0.0.1 4434 </tmp/srv/file \
		>/tmp/got/out 2>/tmp/fetch.log || { cat /tmp/fetch.log; return 1; }
	wait $cat || return 1
	cmp /tmp/srv/file /tmp/got/in && cmp /tmp/srv/f2 /tmp/got/out
}
cat_refused() { cat_once && cat_once --zerortt && says '0-RTT refused'; }
tap "quicat: 0-RTT refused by another listener, everything arrives" cat_refused

# Client certificates (RFC 9001, 4.4)
with_cert() { fetch f1 --cert $certs/client.pem --key $certs/client.key; }
without_cert() { ! fetch f1 && says '0x174\|alert 116'; }
serve --client-cert require --ca $certs/ca.pem
tap "client certificate required and given" with_cert
tap "client certificate required and missing" without_cert
stop
serve --client-cert request --ca $certs/ca.pem
tap "client certificate requested and given" with_cert
tap "client certificate requested and missing" fetch f1
stop
unpair
sleep 70
tap_end
