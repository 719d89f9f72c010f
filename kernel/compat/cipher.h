/* SPDX-License-Identifier: GPL-2.0 */
/* The crypto API's single block cipher: its namespace of symbols became a string in 6.13. */
#ifndef QUIC_COMPAT_CIPHER_H
#define QUIC_COMPAT_CIPHER_H

#include <crypto/internal/cipher.h>
#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define QUIC_CIPHER_NS	"CRYPTO_INTERNAL"
#else
#define QUIC_CIPHER_NS	CRYPTO_INTERNAL
#endif

#endif
