// SPDX-License-Identifier: GPL-2.0
/*
 * The ciphers over GnuTLS. It has no ECB: one block of CBC with a zero IV is
 * the same thing. Every object is allocated with kmalloc, so that the failure
 * injector reaches it.
 */
#include <gnutls/crypto.h>
#include "crypto_gnutls.h"

struct aead {
	gnutls_aead_cipher_hd_t hd;
};

struct hp {
	bool chacha;
	u8 key[32];
	gnutls_cipher_hd_t cbc;
};

static long live;

long crypto_gnutls_live(void)
{
	return live;
}

/* GnuTLS's numbers for a cipher; false if it is none of ours. */
static bool algorithms(u32 cipher, int *aead, int *block, unsigned int *key_len)
{
	switch (cipher) {
	case QUIC_CIPHER_AES_GCM_128:
		*aead = GNUTLS_CIPHER_AES_128_GCM;
		*block = GNUTLS_CIPHER_AES_128_CBC;
		*key_len = 16;
		return true;
	case QUIC_CIPHER_AES_GCM_256:
		*aead = GNUTLS_CIPHER_AES_256_GCM;
		*block = GNUTLS_CIPHER_AES_256_CBC;
		*key_len = 32;
		return true;
	case QUIC_CIPHER_AES_CCM_128:
		*aead = GNUTLS_CIPHER_AES_128_CCM;
		*block = GNUTLS_CIPHER_AES_128_CBC;
		*key_len = 16;
		return true;
	case QUIC_CIPHER_CHACHA20_POLY1305:
		*aead = GNUTLS_CIPHER_CHACHA20_POLY1305;
		*block = GNUTLS_CIPHER_CHACHA20_32;
		*key_len = 32;
		return true;
	}
	return false;
}

static int hmac(unsigned int hash_len, const u8 *key, u32 key_len, const struct quic_vec *in,
		unsigned int n, u8 *out)
{
	gnutls_hmac_hd_t hd;
	unsigned int i;

	if (gnutls_hmac_init(&hd, hash_len == 48 ? GNUTLS_MAC_SHA384 : GNUTLS_MAC_SHA256, key,
			     key_len))
		return -EIO;
	for (i = 0; i < n; i++)
		gnutls_hmac(hd, in[i].base, in[i].len);
	gnutls_hmac_deinit(hd, out);
	return 0;
}

static int hmacs(unsigned int hash_len, const u8 *key, u32 key_len, const struct quic_vec *in,
		 unsigned int n, u8 *out)
{
	int err = 0;

	for (; n && !err; in++, n--, out += hash_len)
		err = hmac(hash_len, key, key_len, in, 1, out);
	return err;
}

static int gmac(const u8 *key, const u8 *nonce, const struct quic_vec *in, unsigned int n, u8 *tag)
{
	gnutls_datum_t k = { (u8 *)key, 16 };
	gnutls_aead_cipher_hd_t hd;
	giovec_t aad[8];
	size_t tag_len = QUIC_AEAD_TAG;
	unsigned int i;
	int err;

	if (n > ARRAY_SIZE(aad) || gnutls_aead_cipher_init(&hd, GNUTLS_CIPHER_AES_128_GCM, &k))
		return -EIO;
	for (i = 0; i < n; i++)
		aad[i] = (giovec_t){ in[i].base, in[i].len };
	err = gnutls_aead_cipher_encryptv2(hd, nonce, 12, aad, n, NULL, 0, tag, &tag_len);
	gnutls_aead_cipher_deinit(hd);
	return err ? -EIO : 0;
}

static void *aead_alloc(u32 cipher, const u8 *key, int *err)
{
	gnutls_datum_t k = { (u8 *)key, 0 };
	struct aead *a;
	int alg, block;

	*err = -EINVAL;
	if (!algorithms(cipher, &alg, &block, &k.size))
		return NULL;
	*err = -ENOMEM;
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return NULL;
	if (gnutls_aead_cipher_init(&a->hd, alg, &k)) {
		kfree(a);
		return NULL;
	}
	live++;
	*err = 0;
	return a;
}

static void aead_free(void *aead)
{
	struct aead *a = aead;

	if (!a)
		return;
	gnutls_aead_cipher_deinit(a->hd);
	kfree_sensitive(a);
	live--;
}

static void *hp_alloc(u32 cipher, const u8 *key, int *err)
{
	u8 zero[16] = { 0 };
	gnutls_datum_t k = { (u8 *)key, 0 }, iv = { zero, sizeof(zero) };
	int alg, block;
	struct hp *h;

	*err = -EINVAL;
	if (!algorithms(cipher, &alg, &block, &k.size))
		return NULL;
	*err = -ENOMEM;
	h = kzalloc(sizeof(*h), GFP_KERNEL);
	if (!h)
		return NULL;
	h->chacha = cipher == QUIC_CIPHER_CHACHA20_POLY1305;
	memcpy(h->key, key, k.size);
	if (!h->chacha && gnutls_cipher_init(&h->cbc, block, &k, &iv)) {
		kfree(h);
		return NULL;
	}
	live++;
	*err = 0;
	return h;
}

static void hp_free(void *hp)
{
	struct hp *h = hp;

	if (!h)
		return;
	if (!h->chacha)
		gnutls_cipher_deinit(h->cbc);
	kfree_sensitive(h);
	live--;
}

/* Copy @len bytes of the pieces to @to. */
static int gather(u8 *to, const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	u32 n;

	for (; len && nsrc; src++, nsrc--) {
		n = min(len, src->len);
		memmove(to, src->base, n);
		to += n;
		len -= n;
	}
	return len ? -EINVAL : 0;
}

static int seal(void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len, const struct quic_vec *src,
		unsigned int nsrc, u32 len)
{
	struct aead *a = aead;
	size_t out = len + QUIC_AEAD_TAG;
	u8 *plain = malloc(len + 1);
	int err;

	if (WARN_ON(!plain || gather(plain, src, nsrc, len)))
		return -EINVAL;
	err = gnutls_aead_cipher_encrypt(a->hd, nonce, 12, pkt, hdr_len, QUIC_AEAD_TAG, plain, len,
					 pkt + hdr_len, &out);
	free(plain);
	return err ? -EIO : 0;
}

static int open_packet(void *aead, const u8 *nonce, u8 *dst, u32 hdr_len,
		       const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	struct aead *a = aead;
	size_t out = len - QUIC_AEAD_TAG;
	u8 *sealed = malloc(len), *plain = malloc(len);
	int err;

	if (WARN_ON(!sealed || !plain || gather(sealed, src, nsrc, len)))
		return -EINVAL;
	err = gnutls_aead_cipher_decrypt(a->hd, nonce, 12, dst, hdr_len, QUIC_AEAD_TAG, sealed,
					 len, plain, &out);
	if (!err)
		memcpy(dst + hdr_len, plain, out);
	else	/* as in the kernel, where a failure ruins the place of the plaintext */
		memset(dst + hdr_len, 0xdb, len - QUIC_AEAD_TAG);
	free(sealed);
	free(plain);
	return !err ? 0 : err == GNUTLS_E_DECRYPTION_FAILED ? -EBADMSG : -EIO;
}

static int chacha_mask(const struct hp *h, struct quic_hp_item *it)
{
	/* RFC 9001, 5.4.4: the sample is the counter and the nonce */
	gnutls_datum_t key = { (u8 *)h->key, 32 }, iv = { (u8 *)it->sample, QUIC_HP_SAMPLE };
	gnutls_cipher_hd_t hd;
	u8 zero[5] = { 0 };
	int err;

	if (gnutls_cipher_init(&hd, GNUTLS_CIPHER_CHACHA20_32, &key, &iv))
		return -EIO;
	err = gnutls_cipher_encrypt2(hd, zero, sizeof(zero), it->mask, sizeof(it->mask));
	gnutls_cipher_deinit(hd);
	return err ? -EIO : 0;
}

static int aes_mask(const struct hp *h, struct quic_hp_item *it)
{
	u8 block[QUIC_HP_SAMPLE], zero[QUIC_HP_SAMPLE] = { 0 };

	gnutls_cipher_set_iv(h->cbc, zero, sizeof(zero));
	if (gnutls_cipher_encrypt2(h->cbc, it->sample, sizeof(block), block, sizeof(block)))
		return -EIO;
	memcpy(it->mask, block, sizeof(it->mask));
	return 0;
}

static int masks(void *hp, struct quic_hp_item *it, unsigned int n)
{
	const struct hp *h = hp;
	int err = 0;

	WARN_ON(n > QUIC_BURST_MAX);
	for (; n && !err; it++, n--)
		err = h->chacha ? chacha_mask(h, it) : aes_mask(h, it);
	return err;
}

const struct quic_crypto_ops quic_crypto_gnutls = {
	.hmac = hmac,
	.hmacs = hmacs,
	.gmac = gmac,
	.aead_alloc = aead_alloc,
	.aead_free = aead_free,
	.hp_alloc = hp_alloc,
	.hp_free = hp_free,
	.seal = seal,
	.open = open_packet,
	.masks = masks,
};
