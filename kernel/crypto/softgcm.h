/* SPDX-License-Identifier: GPL-2.0 */
/* AES-GCM in plain C over the AES library: any context, no allocation, slow. */
#ifndef QUIC_CRYPTO_SOFTGCM_H
#define QUIC_CRYPTO_SOFTGCM_H

#include <crypto/aes.h>
#include <linux/types.h>

struct quic_softgcm {
	struct crypto_aes_ctx aes;
	u64 h[2];		/* hash key, most significant half first */
	u64 acc[2];
	unsigned int pos;	/* bytes of the block being absorbed */
};

/* 12-byte nonces, 16-byte tags; @key_len 16 or 32. */
void quic_softgcm_init(struct quic_softgcm *g, const u8 *key, unsigned int key_len);
/* Absorb AAD or ciphertext; pad between the two and at the end. */
void quic_softgcm_update(struct quic_softgcm *g, const u8 *p, u32 len);
void quic_softgcm_pad(struct quic_softgcm *g);
/* En- or decrypt in place. */
void quic_softgcm_crypt(struct quic_softgcm *g, const u8 *nonce, u8 *p, u32 len);
/* Lengths in bytes. Wipes @g. */
void quic_softgcm_tag(struct quic_softgcm *g, const u8 *nonce, u64 aad_len, u64 len, u8 *tag);

#endif
