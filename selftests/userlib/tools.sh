#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The tools end to end, by themselves over fakesock.c without a kernel module. TAP on stdout.
# usage: tools.sh BIN CERTS [real]
# With "real" the tools are the ordinary ones and the sockets the kernel's.
set -u
bin=$1 certs=$2 real=${3:-}
work=$(mktemp -d)
servers=
count=0 bad=0
trap 'kill $servers 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
port=$((20000 + RANDOM % 20000))
# The system's authorities must not matter, nor a shell's settings.
unset SSL_CERT_FILE SSLKEYLOGFILE

quic() { timeout 30 "$@"; }

check()	# NAME COMMAND...
{
	local name=$1 out
	shift
	count=$((count + 1))
	if out=$("$@" 2>&1); then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/# /' <<<"$out" | head -20
		bad=$((bad + 1))
	fi
}

status()	# EXPECTED COMMAND...
{
	local want=$1 got
	shift
	"$@"
	got=$?
	[ $got = "$want" ] || { echo "exit status $got, not $want"; return 1; }
}

http=quic-hq
serve()	# a port of its own for each server
{
	port=$((port + 1))
	"$bin/$http" serve "$@" "$work/www" '*' $port 2>"$work/serve.$port" &
	servers="$servers $!"
	sleep 0.3
}

mkdir -p "$work/www/sub" "$work/out"
head -c 3000000 /dev/urandom >"$work/www/big"
: >"$work/www/empty"
echo index >"$work/www/index.html"
echo deep >"$work/www/sub/file with space"
echo secret >"$work/secret"
ln -s ../secret "$work/www/link"
for i in $(seq 40); do echo "file $i" >"$work/www/f$i"; done
head -c 2000000 /dev/urandom >"$work/a"
head -c 1500000 /dev/urandom >"$work/b"

keys=(--cert "$certs/server.pem" --key "$certs/server.key")
ca=(--ca "$certs/ca.pem")

# quicat: both directions at once, half-closed on one side long before the other.
cat_both()
{
	port=$((port + 1))
	quic "$bin/quicat" -l "${keys[@]}" $port <"$work/a" >"$work/out/b" &
	local server=$!
	sleep 0.2
	quic "$bin/quicat" "${ca[@]}" localhost $port <"$work/b" >"$work/out/a" || return 1
	wait $server || return 1
	cmp "$work/a" "$work/out/a" && cmp "$work/b" "$work/out/b"
}

cat_half_close()
{
	port=$((port + 1))
	quic "$bin/quicat" -l "${keys[@]}" $port < <(sleep 0.6; echo late) >"$work/out/got" &
	local server=$!
	sleep 0.2
	[ "$(echo early | quic "$bin/quicat" "${ca[@]}" localhost $port)" = late ] || return 1
	wait $server && [ "$(cat "$work/out/got")" = early ]
}

cat_server_speaks_first()
{
	port=$((port + 1))
	echo hello | quic "$bin/quicat" -l "${keys[@]}" $port >/dev/null &
	local server=$!
	sleep 0.2
	[ "$(sleep 1 | quic "$bin/quicat" "${ca[@]}" localhost $port)" = hello ] && wait $server
}

cat_psk()
{
	port=$((port + 1))
	echo from server | quic "$bin/quicat" -l --psk "$certs/psk.txt" $port >"$work/out/psk" &
	local server=$!
	sleep 0.2
	echo from client | quic "$bin/quicat" --psk "$certs/psk.txt" localhost $port >"$work/out/psk2" &&
		wait $server && grep -q 'from client' "$work/out/psk" &&
		grep -q 'from server' "$work/out/psk2"
}

cat_refused()	# STATUS-OF-CLIENT STATUS-OF-SERVER TEXT CLIENT-OPTIONS...
{
	local client=$1 want=$2 text=$3 server
	shift 3
	port=$((port + 1))
	quic "$bin/quicat" -l "${keys[@]}" $port </dev/null >/dev/null 2>&1 &
	server=$!
	sleep 0.2
	status "$client" quic "$bin/quicat" "$@" localhost $port </dev/null 2>"$work/err" || return 1
	cat "$work/err"
	grep -q "$text" "$work/err" || [ -z "$text" ] || return 1
	status "$want" wait $server
}

# The kernel answers who asks for a protocol that nobody listens for (RFC 9001, 8.1); the listener waits on.
cat_wrong_protocol()
{
	port=$((port + 1))
	echo from server | quic "$bin/quicat" -l "${keys[@]}" $port >"$work/out/got" &
	local server=$!
	sleep 0.2
	status 4 quic "$bin/quicat" "${ca[@]}" --alpn else localhost $port </dev/null 2>"$work/err" || return 1
	cat "$work/err"
	grep -q "protocol" "$work/err" || return 1
	[ "$(echo from client | quic "$bin/quicat" "${ca[@]}" localhost $port)" = "from server" ] || return 1
	wait $server && [ "$(cat "$work/out/got")" = "from client" ]
}

check "quicat: both directions" cat_both
check "quicat: half close" cat_half_close
check "quicat: the listener speaks first" cat_server_speaks_first
check "quicat: pre-shared key" cat_psk
check "quicat: untrusted authority" cat_refused 4 4 "certificate of localhost refused"
check "quicat: wrong name" cat_refused 4 4 "refused" "${ca[@]}" --name other.test
if [ "$real" ]; then
	check "quicat: wrong protocol" cat_wrong_protocol
else
	check "quicat: wrong protocol" cat_refused 4 4 "protocol" "${ca[@]}" --alpn else
fi
check "quicat: insecure" cat_refused 0 0 "" --insecure
check "quicat: nobody there" status 3 quic "$bin/quicat" "${ca[@]}" localhost $((port + 1000)) </dev/null
check "quicat: usage" status 2 "$bin/quicat" onlyhost
check "quicat: help" status 0 "$bin/quicat" --help

serve "${keys[@]}"
url=https://localhost:$port
fetch=(quic "$bin/quic-hq" fetch "${ca[@]}" -d "$work/out")

fetch_one() { "${fetch[@]}" $url/big && cmp "$work/www/big" "$work/out/big" && [ ! -e "$work/out/big.part" ]; }
fetch_many()
{
	local urls=()
	for i in $(seq 40); do urls+=("$url/f$i"); done
	"${fetch[@]}" --json "$work/json" "${urls[@]}" $url/big || return 1
	for i in $(seq 40); do cmp "$work/www/f$i" "$work/out/f$i" || return 1; done
	grep '"files": 41, "failed": 0' "$work/json" && grep '"connections": 1,' "$work/json"
}
fetch_empty() { "${fetch[@]}" $url/empty && [ -e "$work/out/empty" ] && [ ! -s "$work/out/empty" ]; }
fetch_index() { "${fetch[@]}" $url && [ "$(cat "$work/out/index.html")" = index ]; }
fetch_escaped() { [ "$("${fetch[@]}" -o - "$url/sub/file%20with%20space")" = deep ]; }
fetch_missing()
{
	status 1 "${fetch[@]}" $url/nothere $url/f1 || return 1
	[ ! -e "$work/out/nothere" ] && cmp "$work/www/f1" "$work/out/f1"
}
refused()
{
	status 1 "${fetch[@]}" -o "$work/out/leak" "$url$1" 2>"$work/err" || return 1
	cat "$work/err"
	grep -q 'the server refused it' "$work/err" && [ ! -e "$work/out/leak" ]
}
at_once()	# clients
{
	local pids=
	for i in $(seq 10); do
		"${fetch[@]}" -o "$work/out/big.$i" $url/big & pids="$pids $!"
	done
	for p in $pids; do wait $p || return 1; done
	for i in $(seq 10); do cmp "$work/www/big" "$work/out/big.$i" || return 1; done
}

check "fetch: a big file" fetch_one
check "fetch: 41 files, 5 streams at once" fetch_many
check "fetch: an empty file" fetch_empty
check "fetch: index.html" fetch_index
check "fetch: escaped name" fetch_escaped
check "fetch: a missing file does not spoil the others" fetch_missing
check "serve: .. refused" refused /../secret
check "serve: escaped .. refused" refused /%2e%2e/secret
check "serve: .. further down refused" refused /sub/../../secret
check "serve: link out refused" refused /link
check "serve: absolute path stays inside" refused //etc/passwd
check "serve: directory refused" refused /sub
check "serve: ten clients" at_once
# A client that ends its request later than the answer begins, one that asks for what is not there, one
# with a terminal's commands in its request: a server that tells all.
# shellcheck disable=SC2059 # the request is a format
one_line()	# REQUEST SECONDS: what comes back
{
	{ printf "$1"; sleep "$2"; } | quic "$bin/quicat" "${ca[@]}" --alpn hq-interop localhost $port
}
serve -v "${keys[@]}"
url=https://localhost:$port
log=$work/serve.$port
late_end() { [ "$(one_line 'GET /index.html\r\n' 0.5)" = index ] && sleep 0.2 && ! grep refused "$log"; }
broken_off() { status 1 one_line 'GET /nothere\r\n' 0 2>"$work/err" && grep 'broke off' "$work/err"; }
no_escapes() { status 1 one_line 'GET /\033[31mred\033\r\n' 0 && sleep 0.2 && grep -F '/?[31mred?' "$log" && ! grep $'\033' "$log"; }
same_name() { status 2 "${fetch[@]}" $url/f1 $url/sub/f1 && "${fetch[@]}" --discard $url/f1 $url/f1; }
bad_port() { status 3 "${fetch[@]}" https://localhost:70000/f1 2>"$work/err" && grep 'not a port' "$work/err"; }
small_pieces() { FAKE_CHUNK=3 "${fetch[@]}" $url/f2 $url/f3 && cmp "$work/www/f2" "$work/out/f2" && cmp "$work/www/f3" "$work/out/f3"; }

check "serve: a request that ends after its answer" late_end
check "quicat: the peer breaks off" broken_off
check "serve: no control characters in the log" no_escapes
check "fetch: two files of one name" same_name
[ "$real" ] || check "fetch: sends taken in pieces" small_pieces
check "fetch: bad numbers" status 2 "${fetch[@]}" --parallel many $url/f1
check "fetch: json that cannot be written" status 1 "${fetch[@]}" --json /nonexistent/j $url/f4
check "fetch: not a port" bad_port
check "fetch: not a URL" status 2 "${fetch[@]}" http://localhost/
check "fetch: untrusted" status 4 quic "$bin/quic-hq" fetch -d "$work/out" $url/f1
check "fetch: nobody there" status 3 "${fetch[@]}" https://localhost:1/f1
check "quic-hq: usage" status 2 "$bin/quic-hq"

# A client that connects and says nothing does not hold up the others.
silent()
{
	python3 - $port <<-'PY' &
		import socket, sys, time
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.connect("\0quic-fakesock-" + sys.argv[1])
		time.sleep(2)
	PY
	sleep 0.3
	fetch_index
}
[ "$real" ] || check "serve: a silent client" silent

# HTTP/3, where what is common is checked above
http=quic-h3
serve "${keys[@]}"
url=https://localhost:$port
fetch=(quic "$bin/quic-h3" fetch "${ca[@]}" -d "$work/out")
mkdir -p "$work/www/img"
printf 'GIF89a' >"$work/www/img/a.gif"

refused3()	# STATUS PATH
{
	status 1 "${fetch[@]}" -o "$work/out/leak" "$url$2" 2>"$work/err" || return 1
	cat "$work/err"
	grep -q "the server answered $1" "$work/err" && [ ! -e "$work/out/leak" ]
}
head3()	# PATH TEXT...
{
	"${fetch[@]}" --head "$url$1" >"$work/head" || return 1
	cat "$work/head"
	shift
	for text; do grep -qix "$text" "$work/head" || { echo "no $text"; return 1; }; done
	[ "$(grep -c '' "$work/head")" -ge 7 ]
}
rm -rf "$work/out" && mkdir "$work/out"
check "h3: a big file" fetch_one
check "h3: 41 files" fetch_many
check "h3: an empty file" fetch_empty
check "h3: index.html" fetch_index
check "h3: escaped name" fetch_escaped
check "h3: a missing file does not spoil the others" fetch_missing
check "h3: 404" refused3 404 /nothere
check "h3: .. refused" refused3 404 /../secret
check "h3: escaped .. refused" refused3 404 /%2e%2e/secret
check "h3: a malformed escape" refused3 400 /%zz
check "h3: link out refused" refused3 404 /link
check "h3: a directory's real name" refused3 301 /img
check "h3: HEAD" head3 /img/a.gif 'HTTP/3 200' 'content-type: image/gif' 'content-length: 6'
check "h3: HEAD of the index" head3 / 'HTTP/3 200' 'content-type: text/html; charset=utf-8' 'content-length: 6'
check "h3: ten clients" at_once
check "h3: not the other protocol" status 4 quic "$bin/quic-hq" fetch "${ca[@]}" -d "$work/out" "$url/f1"
check "h3: usage" status 2 "$bin/quic-h3"
check "h3: help" status 0 "$bin/quic-h3" serve --help

# In this shell: a subshell cannot wait for it. Sanitizers report leaks by the status, too.
kill -TERM $servers
stopped=0
for server in $servers; do wait "$server" || stopped=$?; done
servers=
check "serve: ends at SIGTERM, leaving nothing" [ $stopped = 0 ]
echo "1..$count"
[ $bad = 0 ]
