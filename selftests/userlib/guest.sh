#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest.sh DIR LOADER...: in a guest: the tools and test_libquic over OpenSSL, which are in DIR and run by LOADER (the other
# system's), with those over GnuTLS. TAP on stdout.
# shellcheck disable=SC2154 # top comes from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
dir=$1
shift
loader=("$@")
certs=$top/build/kselftest/certs
mkdir -p /tmp/www /tmp/got
head -c 300000 /dev/urandom >/tmp/www/file
cd /tmp || exit

# tool openssl|gnutls NAME ARGUMENT...
tool()
{
	local tls=$1 name=$2
	shift 2
	case $tls in
	openssl) exec timeout 60 "${loader[@]}" "$dir/$name" "$@" ;;
	*) exec timeout 60 "$top/build/bin/$name" "$@" ;;
	esac
}

serve()	# TLS
{
	(tool "$1" quic-hq serve --zerortt --cert "$certs/server.pem" --key "$certs/server.key" /tmp/www 127.0.0.1 4433) >/tmp/serve.log 2>&1 &
	server=$!
	sleep 0.5
}

fetch()	# TLS OPTION...
{
	local tls=$1
	shift
	rm -f /tmp/got/file
	(tool "$tls" quic-hq fetch -v --ca "$certs/ca.pem" -d /tmp/got "$@" https://127.0.0.1:4433/file) >/tmp/fetch.log 2>&1 ||
		{ cat /tmp/fetch.log /tmp/serve.log; return 1; }
	cmp /tmp/www/file /tmp/got/file
}

says() { grep -q "$1" /tmp/fetch.log || { cat /tmp/fetch.log /tmp/serve.log; return 1; }; }
full() { rm -f /tmp/session; fetch "$1" --session /tmp/session && ! grep 0-RTT /tmp/fetch.log; }
early() { fetch "$1" --session /tmp/session --zerortt && says '0-RTT accepted'; }
cipher() { fetch "$1" --cipher "$2"; }
untrusted() { ! fetch "$1" --ca "$certs/rogue-ca.pem" && grep -qi 'certificate of .* refused' /tmp/fetch.log; }

for server_tls in openssl gnutls; do
	serve $server_tls
	for client_tls in openssl gnutls; do
		[ "$server_tls $client_tls" != "gnutls gnutls" ] || continue
		tap "$client_tls fetches from $server_tls" full $client_tls
		tap "$client_tls fetches from $server_tls: 0-RTT" early $client_tls
		tap "$client_tls fetches from $server_tls: and again" early $client_tls
		for cipher in aes256gcm chacha20; do
			tap "$client_tls fetches from $server_tls: $cipher" cipher $client_tls $cipher
		done
		tap "$client_tls fetches from $server_tls: not trusted" untrusted $client_tls
	done
	kill $server
	wait $server 2>/dev/null
done
tap_program "test_libquic over openssl" timeout 100 "${loader[@]}" "$dir/test_libquic"
[ $tap_failed = 0 ]
