#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The client and the server of README.md, cut out of the page, compiled and run against each other.
# shellcheck disable=SC2154 # top and certs come from guest.env
. /run/work/guest.env
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"

# The page's C listings in order: client, server.
cut_out()
{
	awk '/^```c$/ { f = n++ ? "server" : "client"; next } /^```/ { f = ""; next } f { print > ("/tmp/" f ".c") }' \
		"$top/README.md"
}

# A stranger reads them first.
twenty() { [ "$(wc -l < /tmp/client.c)" -le 20 ] && [ "$(wc -l < /tmp/server.c)" -le 20 ]; }

compile()
{
	gcc -Wall -Wextra -Werror -I"$top/uapi" -I"$top/userlib/include" -o "/tmp/$1" "/tmp/$1.c" -L"$top/build/lib" -lquic
}

hello()
{
	local answer server
	/tmp/server $certs/server.key $certs/server.pem &
	server=$!
	sleep 0.5
	answer=$(SSL_CERT_FILE=$certs/ca.pem timeout 30 /tmp/client 127.0.0.1)
	kill -9 $server
	echo "answer: $answer"
	[ "$answer" = hello ]
}

ip link set lo up
tap "the listings are there" cut_out
tap "neither has more than 20 lines" twenty
tap "the client compiles" compile client
tap "the server compiles" compile server
tap "the client gets its answer" hello
tap_end
