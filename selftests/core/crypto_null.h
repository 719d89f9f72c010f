/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct quic_crypto_ops that hides nothing: plaintext stays plain, the tag is
 * a checksum over key, nonce, header and payload, masks and key derivation are
 * the same checksum. Wrong keys and flipped bits are noticed, and it is fast.
 */
#ifndef CRYPTO_NULL_H
#define CRYPTO_NULL_H

#include "protect.h"

extern const struct quic_crypto_ops quic_crypto_null;

#endif
