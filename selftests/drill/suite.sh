#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# suite.sh [debug]: the drill in User-Mode Linux, in virtual time: one boot, all cases; and that none is missing.
# The debug kernel is ten times slower: there the ways (main.c) take turns.
# shellcheck source=../lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"

options=(--virtual-time) turns=()
[ "${1:-}" != debug ] || { options+=(--debug); turns=(--turns); }
make -s -j2 -C "$top/selftests/drill"
tap "every requirement has a case, or a reason why not" "$top/selftests/drill/coverage"
tap_program drill "$top/selftests/uml/run" --limit 900 "${options[@]}" -- "$build/drill/drill" "${turns[@]}"
[ $tap_failed = 0 ]
