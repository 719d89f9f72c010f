#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# openssl.sh: libquic and its tests over OpenSSL, built in a Debian 13 folder: this machine has no OpenSSL 3.5. Those
# without a kernel run there, those with it in a guest. TAP on stdout.
# shellcheck source=../lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"

if ! root=$("$top/selftests/interop/chroot" library 2>&1); then
	echo "not ok 1 - OpenSSL: no Debian 13 folder: $(tail -n 1 <<<"$root")"
	exit 1
fi
root=$(tail -n 1 <<<"$root")

# there TARGET...: make TARGET with OpenSSL. A private mount namespace: nothing stays mounted, whatever happens.
there()
{
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m sh -c '
		mount -t tmpfs tmpfs "$0/tmp" && mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && mkdir "$0/tmp/top" &&
		mount --bind "$1" "$0/tmp/top" && shift &&
		exec chroot "$0" env HOME=/tmp LC_ALL=C timeout 300 make -s -j2 -C /tmp/top/selftests/userlib TLS=openssl "$@"' \
		"$root" "$top" GUEST_CERTS="$build/kselftest/certs" "$@"
}

status=0
there run-tests || status=$?
tap "what runs in a guest builds" there guest
make -s -j2 -C "$top/tools" >/dev/null
make -s -j2 -C "$top/selftests/kselftest" "$build/kselftest/certs/psk-wrong.txt" >/dev/null
tap_program guest timeout 200 "$top/selftests/uml/run" --virtual-time --limit 150 -- "$top/selftests/userlib/guest.sh" \
	"$build/selftests/userlib-openssl/guest/bin" "$root/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu"
[ $status = 0 ] && [ $tap_failed = 0 ]
