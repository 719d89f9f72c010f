#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# quic-serve over io_uring and over epoll: many connections, content, refusals, files larger than all its memory, peers
# that leave; over io_uring a thousand connections of ten streams at once.
# guest: --mem 1G
# shellcheck disable=SC2154 # top and kernel come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
# shellcheck source=../lib/serve.sh
. "$top/selftests/lib/serve.sh"

ip link set lo up
mkdir -p /tmp/srv/dir /tmp/got
head -c 65536 /dev/urandom >/tmp/srv/even
large=1500000
# ten times slower, and still several times what a send buffer and a stream's window hold
[ "$kernel" != debug ] || large=500000
head -c $large /dev/urandom >/tmp/srv/large
: >/tmp/srv/empty
mkfifo /tmp/srv/fifo
fetch() { quic-hq fetch --psk /tmp/psk -d /tmp/got "$@"; }
url() { echo "https://127.0.0.1:4433/$1"; }

# 4 streams a connection, of much each: flow control and the send buffer stop each many times
bulk()
{
	start "$1" --once 4 || return 1
	quic-load --psk /tmp/psk --connections 4 --streams 4 127.0.0.1 4433 /large >/tmp/load.log 2>&1 ||
		{ cat /tmp/load.log; return 1; }
	has "whole=16 failed=0 size=$large bytes=$((16 * large))" /tmp/load.log && over &&
		has "files=16 refused=0 bytes=$((16 * large))" /tmp/serve.log || return 1
	[ "$1" != uring ] || grep -qE ' zero_copy=[1-9]' /tmp/serve.log || { cat /tmp/serve.log; return 1; }
}

content()
{
	local name
	start "$1" --once 1 || return 1
	rm -f /tmp/got/*
	fetch "$(url small)" "$(url even)" "$(url large)" "$(url empty)" || return 1
	for name in small even large empty; do
		cmp /tmp/srv/$name /tmp/got/$name || return 1
	done
	over
}

# each a connection of its own: none of them gives a file, and the next goes on as before
refusals()
{
	local name
	start "$1" --once 6 || return 1
	rm -f /tmp/got/*
	for name in none dir fifo ../psk %2e%2e/psk; do
		if fetch "$(url "$name")" >/tmp/fetch.log 2>&1; then echo "$name was given"; return 1; fi
		has "refused it" /tmp/fetch.log || return 1
	done
	fetch "$(url small)" && cmp /tmp/srv/small /tmp/got/small && over && has "files=1 refused=5" /tmp/serve.log
}

# clients that are killed while they are served; afterwards others are
leavers()
{
	local i
	start "$1" || return 1
	truncate -s 300M /tmp/srv/huge
	# so that it takes time
	tc qdisc add dev lo root netem delay 20ms limit 10000
	for i in 1 2 3; do
		quic-load --psk /tmp/psk --connections 4 --streams 4 127.0.0.1 4433 /huge >/tmp/load.log 2>&1 &
		sleep 0.2
		kill -9 $! && wait $! 2>/dev/null
	done
	tc qdisc del dev lo root
	rm -f /tmp/got/*
	fetch "$(url small)" && cmp /tmp/srv/small /tmp/got/small || return 1
	kill "$server"
	wait "$server" || return 1
	has "connections=13 at_once=[0-9]+ failed=0" /tmp/serve.log
}

# a client that has not ended its request dies in the middle of the answer: both directions fail, and nothing is left
halfway()
{
	local client
	start "$1" --once 1 || return 1
	truncate -s 300M /tmp/srv/huge
	rm -f /tmp/in
	mkfifo /tmp/in
	exec 5<>/tmp/in
	tc qdisc add dev lo root netem delay 20ms limit 10000
	quicat --psk /tmp/psk --alpn hq-interop 127.0.0.1 4433 </tmp/in >/tmp/part 2>/tmp/quicat.log &
	client=$!
	printf 'GET /huge\r\n' >&5
	sleep 0.5
	kill -9 $client && wait $client 2>/dev/null
	exec 5>&-
	tc qdisc del dev lo root
	[ -s /tmp/part ] || { echo "no part came"; cat /tmp/quicat.log; return 1; }
	rm /tmp/part
	over && has "connections=1 at_once=1 failed=0 files=0 refused=1" /tmp/serve.log
}

# no key in common: the handshake fails, and with it nothing else
strangers()
{
	start "$1" --once 2 || return 1
	echo bob:aabb >/tmp/psk2
	if quic-hq fetch --psk /tmp/psk2 -d /tmp/got "$(url small)" 2>/tmp/fetch.log; then return 1; fi
	fetch "$(url small)" && over && has "connections=2 at_once=[12] failed=1 files=1" /tmp/serve.log
}

engines="uring epoll"
# Its io_uring crashes on its own: see test_uring.c.
[ "$kernel" != debug ] || { engines=epoll; tap_skip "uring: all of it" "io_uring crashes under this kernel's KASAN"; }
for engine in $engines; do
	tap "$engine: 40 connections of 10 streams" crowd $engine 40
	tap "$engine: 4 connections of 4 streams of $large bytes" bulk $engine
	tap "$engine: files of every size arrive as they are" content $engine
	tap "$engine: what is no file below the directory is refused" refusals $engine
	tap "$engine: clients that are killed leave it working" leavers $engine
	tap "$engine: one that dies before its request ended, too" halfway $engine
	tap "$engine: a failed handshake is that connection's alone" strangers $engine
done
[ "$kernel" = debug ] || tap "uring: 1000 connections of 10 streams, all at once" crowd uring 1000
tap_end
