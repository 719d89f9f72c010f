#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# load.sh CERTS: in a guest with a stock kernel: load, transfer, refuse to unload when busy, unload and leave nothing.
# shellcheck disable=SC2154 # top and module come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
# shellcheck source=../lib/pair.sh
. "$top/selftests/lib/pair.sh"
# shellcheck source=../lib/serve.sh
. "$top/selftests/lib/serve.sh"
tap_tries=2	# of a program; for what the kernel complains of there is no second
certs=$1 file=/tmp/srv/file

serve()		# ADDRESS [NETNS]
{
	${2:+ip netns exec "$2"} quic-hq serve --cert "$certs/server.pem" --key "$certs/server.key" \
		/tmp/srv "$1" 4433 >/tmp/serve.log 2>&1 &
	server=$!
	sleep 1
}

fetch()		# URL [NETNS [OPTION...]]
{
	local url=$1 netns=${2:-}
	shift $(($# > 1 ? 2 : 1))
	rm -rf /tmp/got && mkdir /tmp/got
	${netns:+ip netns exec "$netns"} timeout 200 quic-hq fetch -v --ca "$certs/ca.pem" -d /tmp/got "$@" "$url" >/tmp/fetch.log 2>&1
}

stop() { kill -9 "$server"; wait "$server" 2>/dev/null; return 0; }

transfer()	# ADDRESS HOST [SERVER-NETNS CLIENT-NETNS [OPTION...]]
{
	local status=0
	serve "$1" "${3:-}"
	fetch "https://$2:4433/file" "${4:-}" "${@:5}" || status=$?
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

# What the README says of insmod: where the kernel cannot call modprobe, these modules have every cipher.
bare()
{
	local cipher helper status=0
	unloaded || return 1
	helper=$(</proc/sys/kernel/modprobe)
	echo /bin/false >/proc/sys/kernel/modprobe
	insmod "$module" || status=1
	for cipher in aes128gcm aes256gcm aes128ccm chacha20; do
		case $cipher in
		*gcm) modprobe aesni_intel ;;
		*ccm) modprobe -a ccm ctr ;;
		chacha20) modprobe -a chacha20poly1305 chacha_generic poly1305_generic ;;
		esac || status=1
		transfer 127.0.0.1 127.0.0.1 '' '' --cipher $cipher || { echo "no $cipher"; status=1; }
	done
	echo "$helper" >/proc/sys/kernel/modprobe
	return $status
}

autoload()
{
	local target
	target=/lib/modules/$(uname -r)/updates
	unloaded || return 1
	mkdir -p "$target" && cp "$module" "$target/" && depmod || return 1
	serve 127.0.0.1
	for _ in $(seq 20); do [ -d /sys/module/quic ] && break; sleep 0.5; done
	stop
	[ -d /sys/module/quic ]
}

mkdir -p /tmp/srv
head -c 2000000 /dev/urandom >$file
truncate -s 200M /tmp/srv/big

tap "module is loaded" test -d /sys/module/quic
# first: nothing has been loaded on demand yet
tap "insmod without modprobe, every cipher" bare
tap "transfer over loopback, IPv4" transfer 127.0.0.1 127.0.0.1
tap "transfer over loopback, IPv6" transfer ::1 '[::1]'
tap "two namespaces with delay and loss" pair delay 5ms loss 0.5%
tap "transfer over veth, IPv4" transfer 10.0.0.1 10.0.0.1 server client
tap "transfer over veth, IPv6" transfer fd00::1 '[fd00::1]' server client
unpair
tap "insmod and rmmod 20 times with connections open" cycles
tap "the first socket() loads the installed module" autoload

# A call that waits, other than the loop's own, would end the server: test_strict shows that. (On 6.1 it takes five times
# as long.)
crowd=1000
[[ $(uname -r) != 6.1.* ]] || crowd=200
for engine in uring epoll; do
	tap "$engine, --strict: $crowd connections of 10 streams, all at once" crowd $engine $crowd --strict
done

for test in "$top"/build/kselftest/{test,m32}_*; do
	[ -x "$test" ] || continue
	began=$SECONDS
	tap_program "${test##*/}" timeout 300 "$test"
	tc qdisc del dev lo root 2>/dev/null	# what a failed case left is not the next one's
	echo "# $((SECONDS - began)) s: ${test##*/}"
done
tap_end
