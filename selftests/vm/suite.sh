#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# suite.sh 6.1|6.12: the module on that stock kernel: loading, unloading, transfers, and every test program.
# shellcheck source=../lib/common.sh
. "$(dirname "$0")/../lib/common.sh"

kernel=${1:?suite.sh 6.1|6.12}
certs=$(locked certs test_certs)
exec "$top/selftests/vm/run" --kernel "$kernel" --limit 1500 --add "$certs" -- "$top/selftests/vm/load.sh" "$certs"
