/* SPDX-License-Identifier: GPL-2.0 */
/* crypto_memneq(): crypto/utils.h since 6.7, crypto/algapi.h before. */
#ifndef QUIC_COMPAT_MEMNEQ_H
#define QUIC_COMPAT_MEMNEQ_H

#if __has_include(<crypto/utils.h>)
#include <crypto/utils.h>
#else
#include <crypto/algapi.h>
#endif

#endif
