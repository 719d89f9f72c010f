# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced in a guest: quic-serve on /tmp/srv, and many clients at once. What failed is printed, status 1.

ulimit -n 30000
mkdir -p /tmp/srv
head -c 1000 /dev/urandom >/tmp/srv/small
(umask 077; echo alice:00112233445566778899aabbccddeeff >/tmp/psk)

start()		# ENGINE OPTION...
{
	local engine=$1 try
	shift
	quic-serve --psk /tmp/psk --engine "$engine" --stats "$@" /tmp/srv 127.0.0.1 4433 >/tmp/serve.out 2>/tmp/serve.log &
	server=$!
	for try in $(seq 100); do
		grep -q ":1151 " /proc/net/udp && return
		sleep 0.1
	done
	cat /tmp/serve.log
	return 1
}

# ends by itself, its figures are in the log
over()
{
	local try
	for try in $(seq 300); do
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	kill "$server" 2>/dev/null && { echo "did not end, try $try"; cat /tmp/serve.log; return 1; }
	wait "$server" || { echo "status $?"; cat /tmp/serve.log; return 1; }
}

has() { grep -qE "(^| )$1( |\$)" "$2" || { echo "no $1 in:"; cat "$2"; return 1; }; }
crowd()		# ENGINE CONNECTIONS [OPTION...]: ten streams each, all at once
{
	start "$1" --once "$2" "${@:3}" || return 1
	quic-load --psk /tmp/psk --connections "$2" --streams 10 127.0.0.1 4433 /small >/tmp/load.log 2>&1 ||
		{ tail -n 20 /tmp/load.log; return 1; }
	has "connected=$2 whole=${2}0 failed=0 size=1000" /tmp/load.log && over &&
		has "engine=$1 connections=$2 at_once=$2 failed=0 files=${2}0 refused=0 bytes=${2}0000" /tmp/serve.log
}
