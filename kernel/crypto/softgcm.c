// SPDX-License-Identifier: GPL-2.0
/*
 * AES-GCM (NIST SP 800-38D) for the moments when the FPU is taken, and for
 * Retry tags. Bit by bit and without branches on data.
 */
#include <linux/string.h>

#include "../core/os.h"
#include "softgcm.h"

/* acc *= h in GF(2^128), in GCM's bit order. */
static void multiply(struct quic_softgcm *g)
{
	u64 vh = g->h[0], vl = g->h[1], zh = 0, zl = 0, bit, carry;
	unsigned int i;

	for (i = 0; i < 128; i++) {
		bit = -(g->acc[i / 64] >> (63 - i % 64) & 1);
		zh ^= vh & bit;
		zl ^= vl & bit;
		carry = -(vl & 1);
		vl = vl >> 1 | vh << 63;
		vh = vh >> 1 ^ (carry & 0xe1ull << 56);
	}
	g->acc[0] = zh;
	g->acc[1] = zl;
}

void quic_softgcm_init(struct quic_softgcm *g, const u8 *key, unsigned int key_len)
{
	u8 block[AES_BLOCK_SIZE] = { 0 };

	WARN_ON_ONCE(aes_expandkey(&g->aes, key, key_len));
	aes_encrypt(&g->aes, block, block);
	g->h[0] = get_unaligned_be64(block);
	g->h[1] = get_unaligned_be64(block + 8);
	g->acc[0] = 0;
	g->acc[1] = 0;
	g->pos = 0;
	memzero_explicit(block, sizeof(block));
}

void quic_softgcm_update(struct quic_softgcm *g, const u8 *p, u32 len)
{
	for (; len; len--, p++) {
		g->acc[g->pos / 8] ^= (u64)*p << (56 - g->pos % 8 * 8);
		if (++g->pos == AES_BLOCK_SIZE) {
			multiply(g);
			g->pos = 0;
		}
	}
}

void quic_softgcm_pad(struct quic_softgcm *g)
{
	if (g->pos)
		multiply(g);
	g->pos = 0;
}

void quic_softgcm_crypt(struct quic_softgcm *g, const u8 *nonce, u8 *p, u32 len)
{
	u8 ctr[AES_BLOCK_SIZE], block[AES_BLOCK_SIZE];
	u32 i, n, count = 2;	/* 1 is the tag's */

	memcpy(ctr, nonce, 12);
	for (; len; len -= n, p += n) {
		n = min_t(u32, len, AES_BLOCK_SIZE);
		put_unaligned_be32(count++, ctr + 12);
		aes_encrypt(&g->aes, block, ctr);
		for (i = 0; i < n; i++)
			p[i] ^= block[i];
	}
	memzero_explicit(block, sizeof(block));
}

void quic_softgcm_tag(struct quic_softgcm *g, const u8 *nonce, u64 aad_len, u64 len, u8 *tag)
{
	u8 block[AES_BLOCK_SIZE];

	g->acc[0] ^= aad_len * 8;
	g->acc[1] ^= len * 8;
	multiply(g);
	memcpy(block, nonce, 12);
	put_unaligned_be32(1, block + 12);
	aes_encrypt(&g->aes, block, block);
	put_unaligned_be64(get_unaligned_be64(block) ^ g->acc[0], tag);
	put_unaligned_be64(get_unaligned_be64(block + 8) ^ g->acc[1], tag + 8);
	memzero_explicit(g, sizeof(*g));
}
