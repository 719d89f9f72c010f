/* SPDX-License-Identifier: GPL-2.0 */
/* crypto_memneq(): crypto/utils.h in 6.12 and later, crypto/algapi.h in 6.1 (and between). */
#ifndef QUIC_COMPAT_MEMNEQ_H
#define QUIC_COMPAT_MEMNEQ_H

#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <crypto/utils.h>
#else
#include <crypto/algapi.h>
#endif

#endif
