#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# load.sh CERTS: in a guest with a stock kernel: load, transfer, refuse to unload when busy, unload and leave nothing.
# shellcheck disable=SC2154 # top and module come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
# shellcheck source=../lib/pair.sh
. "$top/selftests/lib/pair.sh"
certs=$1 file=/tmp/srv/file

serve()		# ADDRESS [NETNS]
{
	${2:+ip netns exec "$2"} quic-hq serve --cert "$certs/server.pem" --key "$certs/server.key" \
		/tmp/srv "$1" 4433 >/tmp/serve.log 2>&1 &
	server=$!
	sleep 1
}

fetch()		# URL [NETNS]
{
	rm -rf /tmp/got && mkdir /tmp/got
	${2:+ip netns exec "$2"} timeout 200 quic-hq fetch --ca "$certs/ca.pem" -d /tmp/got "$1" >/tmp/fetch.log 2>&1
}

stop() { kill -9 "$server"; wait "$server" 2>/dev/null; return 0; }

transfer()	# ADDRESS HOST [SERVER-NETNS CLIENT-NETNS]
{
	serve "$1" "${3:-}"
	fetch "https://$2:4433/file" "${4:-}"
	local status=$?
	stop
	if [ $status != 0 ]; then
		tail -n 5 /tmp/serve.log /tmp/fetch.log
		return 1
	fi
	cmp "$file" /tmp/got/file
}

unloaded()
{
	local try left=''
	# one whose peer vanished may go on trying to deliver for a minute, as TCP's would
	for try in $(seq 350); do
		rmmod quic 2>/dev/null && break
		sleep 0.2
	done
	[ ! -d /sys/module/quic ] || { echo "still loaded after $try tries, refcnt $(cat /sys/module/quic/refcnt)"; grep -E "^QUIC|^UDP " /proc/net/protocols; cat /proc/net/udp /proc/net/udp6; return 1; }
	left=$(grep -iE '^quic' /proc/slabinfo /proc/net/protocols; ls -d /proc/sys/net/quic /proc/net/quic* 2>/dev/null)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

# a transfer is under way when the processes are killed
cycles()
{
	local i
	for i in $(seq 20); do
		serve 127.0.0.1
		quic-hq fetch --ca "$certs/ca.pem" --discard https://127.0.0.1:4433/big >/dev/null 2>&1 &
		client=$!
		sleep 1
		if rmmod quic 2>/dev/null; then echo "cycle $i: unloaded while in use"; return 1; fi
		kill -9 $client "$server"
		wait $client "$server" 2>/dev/null
		unloaded || { echo "cycle $i"; return 1; }
		insmod "$module" || return 1
	done
}

autoload()
{
	local target
	target=/lib/modules/$(uname -r)/updates
	unloaded || return 1
	mkdir -p "$target" && cp "$module" "$target/" && depmod || return 1
	serve 127.0.0.1
	stop
	[ -d /sys/module/quic ]
}

mkdir -p /tmp/srv
head -c 2000000 /dev/urandom >$file
truncate -s 200M /tmp/srv/big

tap "module is loaded" test -d /sys/module/quic
tap "transfer over loopback, IPv4" transfer 127.0.0.1 127.0.0.1
tap "transfer over loopback, IPv6" transfer ::1 '[::1]'
tap "two namespaces with delay and loss" pair delay 5ms loss 0.5%
tap "transfer over veth, IPv4" transfer 10.0.0.1 10.0.0.1 server client
tap "transfer over veth, IPv6" transfer fd00::1 '[fd00::1]' server client
unpair
tap "insmod and rmmod 20 times with connections open" cycles
tap "the first socket() loads the installed module" autoload

for test in "$top"/build/kselftest/{test,m32}_*; do
	[ -x "$test" ] || continue
	tap_program "${test##*/}" timeout 300 "$test"
done
tap_end
