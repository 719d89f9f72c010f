/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packet protection's ciphers over the kernel crypto API. Everything completes
 * before it returns, in any context up to softirq, and allocates nothing.
 */
#ifndef QUIC_CRYPTO_CRYPTO_H
#define QUIC_CRYPTO_CRYPTO_H

#include "../core/protect.h"

extern const struct quic_crypto_ops quic_crypto_kernel;

int quic_crypto_init(void);
/* After the last connection is gone; waits for what was freed in softirq. */
void quic_crypto_exit(void);

#endif
