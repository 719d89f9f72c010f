// SPDX-License-Identifier: GPL-2.0
/*
 * Header protection masks (RFC 9001, 5.4): AES over all samples of a batch in
 * one ECB request, ChaCha20 one block a packet from the library.
 *
 * A request costs 450 instructions and 18 a sample; a few are cheaper block by
 * block, at 120 each. That way also works while the FPU is taken.
 */
#include <crypto/chacha.h>

#include "../compat/cipher.h"
#include "../compat/simd.h"
#include "parts.h"

#define FEW	4		/* samples: fewer are not worth a request */

struct quic_hp {
	struct quic_dead dead;
	struct crypto_skcipher *ecb;	/* NULL for ChaCha20, as is the next */
	struct crypto_cipher *block;
	bool inner;			/* ecb: only while SIMD is usable */
	u8 key[32];			/* ChaCha20's */
};

static void hp_destroy(struct quic_dead *dead)
{
	struct quic_hp *hp = container_of(dead, struct quic_hp, dead);

	if (hp->ecb)
		crypto_free_skcipher(hp->ecb);
	if (hp->block)
		crypto_free_cipher(hp->block);
	kfree_sensitive(hp);
}

static int alloc_ecb(struct quic_hp *hp, const u8 *key, unsigned int key_len)
{
	struct crypto_skcipher *tfm;

	hp->inner = true;
	tfm = crypto_alloc_skcipher("__ecb(aes)", QUIC_INNER_TYPE, QUIC_INNER_MASK);
	if (IS_ERR(tfm)) {
		hp->inner = false;
		tfm = crypto_alloc_skcipher("ecb(aes)", 0, CRYPTO_ALG_ASYNC);
	}
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	hp->ecb = tfm;
	if (sizeof(struct skcipher_request) + crypto_skcipher_reqsize(tfm) > QUIC_REQ_MAX)
		return -EOPNOTSUPP;
	return crypto_skcipher_setkey(tfm, key, key_len);
}

static int alloc_block(struct quic_hp *hp, const u8 *key, unsigned int key_len)
{
	struct crypto_cipher *tfm = crypto_alloc_cipher("aes", 0, 0);

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	hp->block = tfm;
	return crypto_cipher_setkey(tfm, key, key_len);
}

void *quic_hp_alloc(u32 cipher, const u8 *key, int *err)
{
	struct quic_hp *hp = kzalloc(sizeof(*hp), GFP_KERNEL_ACCOUNT);
	unsigned int key_len = cipher == QUIC_CIPHER_AES_GCM_128 ||
			       cipher == QUIC_CIPHER_AES_CCM_128 ? 16 : 32;

	*err = -ENOMEM;
	if (!hp)
		return NULL;
	hp->dead.free = hp_destroy;
	*err = 0;
	if (cipher == QUIC_CIPHER_CHACHA20_POLY1305)
		memcpy(hp->key, key, sizeof(hp->key));
	else
		*err = alloc_ecb(hp, key, key_len) ?: alloc_block(hp, key, key_len);
	if (!*err)
		return hp;
	hp_destroy(&hp->dead);
	return NULL;
}

void quic_hp_free(void *hp)
{
	if (hp)
		quic_dead_add(&((struct quic_hp *)hp)->dead);
}

/* RFC 9001, 5.4.4: the sample is block counter and nonce. */
static void chacha_masks(const struct quic_hp *hp, struct quic_hp_item *it, unsigned int n)
{
	u32 state[CHACHA_STATE_WORDS], key[8];
	u8 stream[CHACHA_BLOCK_SIZE];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(key); i++)
		key[i] = get_unaligned_le32(hp->key + 4 * i);
	for (; n; it++, n--) {
		chacha_init_generic(state, key, it->sample);
		chacha20_block(state, stream);
		memcpy(it->mask, stream, sizeof(it->mask));
	}
	memzero_explicit(key, sizeof(key));
	memzero_explicit(state, sizeof(state));
}

static int ecb(const struct quic_hp *hp, struct quic_hp_item *it, unsigned int n)
{
	struct quic_scratch *s = quic_scratch_get();
	struct skcipher_request *req = &s->req.skcipher;
	unsigned int i;
	int err;

	for (i = 0; i < n; i++)
		memcpy(s->ecb + i * QUIC_HP_SAMPLE, it[i].sample, QUIC_HP_SAMPLE);
	skcipher_request_set_tfm(req, hp->ecb);
	skcipher_request_set_callback(req, 0, NULL, NULL);
	sg_set_buf(&s->dst[1], s->ecb, n * AES_BLOCK_SIZE);
	skcipher_request_set_crypt(req, &s->dst[1], &s->dst[1], n * AES_BLOCK_SIZE, NULL);
	err = crypto_skcipher_encrypt(req);
	for (i = 0; i < n && !err; i++)
		memcpy(it[i].mask, s->ecb + i * QUIC_HP_SAMPLE, sizeof(it->mask));
	quic_scratch_put();
	return err;
}

static void one_by_one(const struct quic_hp *hp, struct quic_hp_item *it, unsigned int n)
{
	u8 block[AES_BLOCK_SIZE];

	for (; n; it++, n--) {
		crypto_cipher_encrypt_one(hp->block, block, it->sample);
		memcpy(it->mask, block, sizeof(it->mask));
	}
}

int quic_hp_masks(void *p, struct quic_hp_item *it, unsigned int n)
{
	const struct quic_hp *hp = p;

	if (unlikely(!hp->ecb))
		chacha_masks(hp, it, n);
	else if (WARN_ON_ONCE(n > QUIC_BURST_MAX))
		return -EINVAL;
	else if (n < FEW || (hp->inner && unlikely(!quic_simd_usable())))
		one_by_one(hp, it, n);
	else
		return ecb(hp, it, n);
	return 0;
}
