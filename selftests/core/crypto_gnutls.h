/* SPDX-License-Identifier: GPL-2.0 */
/* struct quic_crypto_ops over GnuTLS, for the core in userspace. One thread. */
#ifndef CRYPTO_GNUTLS_H
#define CRYPTO_GNUTLS_H

#include "protect.h"

extern const struct quic_crypto_ops quic_crypto_gnutls;

/* AEAD and header protection objects alive. */
long crypto_gnutls_live(void);

#endif
