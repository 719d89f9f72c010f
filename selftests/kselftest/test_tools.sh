#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# quicat and quic-hq over loopback: what userlib/tools.sh checks without the module, with it.
# shellcheck disable=SC2154 # top and certs come from guest.env
. /run/work/guest.env
ip link set lo up
"$top/selftests/userlib/tools.sh" "$top/build/bin" $certs real
