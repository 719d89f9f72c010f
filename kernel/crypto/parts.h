/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside kernel/crypto: what the files share.
 *
 * Fast AES on x86 before 6.16 comes as a synchronous algorithm that must not
 * run while the FPU is taken ("__gcm(aes)", marked internal), and a wrapper
 * ("gcm(aes)") that hands over to a queue in that case. A queue would reorder
 * packets and needs memory per packet. We do what the wrapper does, short of
 * the queue: use the inner algorithm when quic_simd_usable(), else plain C
 * (softgcm.c, the AES library). It can only be unusable when a softirq
 * interrupted another user of the FPU, so the slow way is rare.
 *
 * Everything else is allocated with CRYPTO_ALG_ASYNC masked out, and checks for
 * itself. So no cipher here ever returns -EINPROGRESS.
 */
#ifndef QUIC_CRYPTO_PARTS_H
#define QUIC_CRYPTO_PARTS_H

#include <crypto/aead.h>
#include <crypto/aes.h>
#include <crypto/skcipher.h>
#include <linux/bottom_half.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/scatterlist.h>

#include "../core/protect.h"
#include "softgcm.h"

#define QUIC_SG_MAX	48
#define QUIC_REQ_MAX	2048	/* bytes of any cipher's request */

/*
 * Lookup of a tested, synchronous, internal algorithm, which neither loads
 * modules nor tries templates: absent means it is not that kind of kernel.
 */
#define QUIC_INNER_TYPE	(CRYPTO_ALG_INTERNAL | CRYPTO_ALG_TESTED)
#define QUIC_INNER_MASK	(QUIC_INNER_TYPE | CRYPTO_ALG_ASYNC | CRYPTO_NOLOAD)

/*
 * Working memory of one CPU, from kmalloc, so that scatterlists may point to
 * it. Between get and put it is the caller's and softirqs are off.
 */
struct quic_scratch {
	u8 ecb[QUIC_BURST_MAX * QUIC_HP_SAMPLE];	/* first: must not cross a page */
	struct scatterlist src[QUIC_SG_MAX];		/* initialised, no end marked */
	struct scatterlist dst[2];			/* initialised, the second ends it */
	struct quic_softgcm gcm;
	u8 iv[16];
	union {
		struct aead_request aead;
		struct skcipher_request skcipher;
		u8 room[QUIC_REQ_MAX];
	} req __aligned(CRYPTO_MINALIGN);
};

DECLARE_PER_CPU(struct quic_scratch *, quic_scratch);

static inline struct quic_scratch *quic_scratch_get(void)
{
	local_bh_disable();
	return this_cpu_read(quic_scratch);
}

static inline void quic_scratch_put(void)
{
	local_bh_enable();
}

int quic_scratch_init(void);
void quic_scratch_exit(void);

/* An object with a transform inside, freed in process context from anywhere. */
struct quic_dead {
	struct llist_node node;
	void (*free)(struct quic_dead *dead);
};

void quic_dead_add(struct quic_dead *dead);
void quic_dead_flush(void);

int quic_hmac_init(void);
void quic_hmac_exit(void);
int quic_hmac(unsigned int hash_len, const u8 *key, u32 key_len, const struct quic_vec *in,
	      unsigned int n, u8 *out);
int quic_hmacs(unsigned int hash_len, const u8 *key, u32 key_len, const struct quic_vec *in,
	       unsigned int n, u8 *out);

void *quic_aead_alloc(u32 cipher, const u8 *key, int *err);
void quic_aead_free(void *aead);
int quic_aead_seal(void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len,
		   const struct quic_vec *src, unsigned int nsrc, u32 len);
int quic_aead_open(void *aead, const u8 *nonce, u8 *dst, u32 hdr_len,
		   const struct quic_vec *src, unsigned int nsrc, u32 len);
int quic_aead_gmac(const u8 *key, const u8 *nonce, const struct quic_vec *in, unsigned int n,
		   u8 *tag);

void *quic_hp_alloc(u32 cipher, const u8 *key, int *err);
void quic_hp_free(void *hp);
int quic_hp_masks(void *hp, struct quic_hp_item *it, unsigned int n);

#endif
