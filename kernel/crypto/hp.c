// SPDX-License-Identifier: GPL-2.0
/*
 * Header protection masks (RFC 9001, 5.4): AES over all samples of a batch in
 * one ECB request, ChaCha20 one block a packet from the library.
 */
#include <crypto/chacha.h>

#include "../compat/simd.h"
#include "parts.h"

struct quic_hp {
	struct quic_dead dead;
	struct crypto_skcipher *ecb;	/* NULL for ChaCha20 */
	bool inner;			/* only while SIMD is usable */
	u8 key_len;
	u8 key[32];
};

static void hp_destroy(struct quic_dead *dead)
{
	struct quic_hp *hp = container_of(dead, struct quic_hp, dead);

	if (hp->ecb)
		crypto_free_skcipher(hp->ecb);
	kfree_sensitive(hp);
}

static int alloc_ecb(struct quic_hp *hp)
{
	struct crypto_skcipher *tfm;
	int err;

	hp->inner = true;
	tfm = crypto_alloc_skcipher("__ecb(aes)", QUIC_INNER_TYPE, QUIC_INNER_MASK);
	if (IS_ERR(tfm)) {
		hp->inner = false;
		tfm = crypto_alloc_skcipher("ecb(aes)", 0, CRYPTO_ALG_ASYNC);
	}
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = crypto_skcipher_setkey(tfm, hp->key, hp->key_len);
	if (!err && sizeof(struct skcipher_request) + crypto_skcipher_reqsize(tfm) > QUIC_REQ_MAX)
		err = -EOPNOTSUPP;
	if (err)
		crypto_free_skcipher(tfm);
	else
		hp->ecb = tfm;
	return err;
}

void *quic_hp_alloc(u32 cipher, const u8 *key, int *err)
{
	struct quic_hp *hp = kzalloc(sizeof(*hp), GFP_KERNEL_ACCOUNT);

	*err = -ENOMEM;
	if (!hp)
		return NULL;
	hp->dead.free = hp_destroy;
	hp->key_len = cipher == QUIC_CIPHER_AES_GCM_128 || cipher == QUIC_CIPHER_AES_CCM_128 ?
		      16 : 32;
	memcpy(hp->key, key, hp->key_len);
	*err = cipher == QUIC_CIPHER_CHACHA20_POLY1305 ? 0 : alloc_ecb(hp);
	if (!*err)
		return hp;
	kfree_sensitive(hp);
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

static int ecb(const struct quic_hp *hp, struct quic_scratch *s, unsigned int n)
{
	struct skcipher_request *req = &s->req.skcipher;
	unsigned int i;

	if (hp->inner && unlikely(!quic_simd_usable())) {
		struct crypto_aes_ctx *aes = &s->gcm.aes;

		aes_expandkey(aes, hp->key, hp->key_len);
		for (i = 0; i < n; i++)
			aes_encrypt(aes, s->ecb + i * AES_BLOCK_SIZE, s->ecb + i * AES_BLOCK_SIZE);
		memzero_explicit(aes, sizeof(*aes));
		return 0;
	}
	skcipher_request_set_tfm(req, hp->ecb);
	skcipher_request_set_callback(req, 0, NULL, NULL);
	sg_set_buf(&s->dst[1], s->ecb, n * AES_BLOCK_SIZE);
	skcipher_request_set_crypt(req, &s->dst[1], &s->dst[1], n * AES_BLOCK_SIZE, NULL);
	return crypto_skcipher_encrypt(req);
}

int quic_hp_masks(void *p, struct quic_hp_item *it, unsigned int n)
{
	const struct quic_hp *hp = p;
	struct quic_scratch *s;
	unsigned int i;
	int err;

	if (!hp->ecb) {
		chacha_masks(hp, it, n);
		return 0;
	}
	if (WARN_ON_ONCE(n > QUIC_BURST_MAX))
		return -EINVAL;
	s = quic_scratch_get();
	for (i = 0; i < n; i++)
		memcpy(s->ecb + i * QUIC_HP_SAMPLE, it[i].sample, QUIC_HP_SAMPLE);
	err = ecb(hp, s, n);
	for (i = 0; i < n && !err; i++)
		memcpy(it[i].mask, s->ecb + i * QUIC_HP_SAMPLE, sizeof(it->mask));
	quic_scratch_put();
	return err;
}
