/* SPDX-License-Identifier: GPL-2.0 */
/* For every fuzz_<what>.c: a property that must hold, and the entry point. */
#ifndef SELFTESTS_CORE_FUZZ_H
#define SELFTESTS_CORE_FUZZ_H

#include "os.h"

#define must(c)		((void)WARN_ON(!(c)))

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif
