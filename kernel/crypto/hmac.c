// SPDX-License-Identifier: GPL-2.0
/*
 * HMAC (RFC 2104) over the plain hashes: no key is ever set in a transform, so
 * the two of them are shared by everybody without a lock.
 */
#include <crypto/hash.h>
#include <linux/kmod.h>

#include "parts.h"

#define BLOCK_MAX	128
#define STATE_MAX	256

static struct crypto_shash *sha256, *sha384;

int quic_hmac_init(void)
{
	/*
	 * Plain C is built in and would be all that is found. A connection takes some 300 blocks:
	 * half of what it costs to set up, where the processor has instructions for them.
	 */
	request_module("crypto-sha256");
	request_module("crypto-sha512");
	sha256 = crypto_alloc_shash("sha256", 0, 0);
	if (IS_ERR(sha256))
		return PTR_ERR(sha256);
	sha384 = crypto_alloc_shash("sha384", 0, 0);
	if (IS_ERR(sha384)) {
		crypto_free_shash(sha256);
		return PTR_ERR(sha384);
	}
	return 0;
}

void quic_hmac_exit(void)
{
	crypto_free_shash(sha384);
	crypto_free_shash(sha256);
}

/* Begin with the key, masked with @pad. */
static int begin(struct shash_desc *desc, const u8 *key, u32 key_len, u8 pad)
{
	unsigned int block = crypto_shash_blocksize(desc->tfm), i;
	u8 buf[BLOCK_MAX];
	int err;

	if (WARN_ON_ONCE(key_len > block || block > BLOCK_MAX))
		return -EINVAL;
	memset(buf, pad, block);
	for (i = 0; i < key_len; i++)
		buf[i] ^= key[i];
	err = crypto_shash_init(desc) ?: crypto_shash_update(desc, buf, block);
	memzero_explicit(buf, sizeof(buf));
	return err;
}

int quic_hmac(unsigned int hash_len, const u8 *key, u32 key_len, const struct quic_vec *in,
	      unsigned int n, u8 *out)
{
	struct crypto_shash *tfm = hash_len == 48 ? sha384 : sha256;
	SHASH_DESC_ON_STACK(desc, tfm);
	u8 inner[48];
	int err;

	desc->tfm = tfm;
	err = begin(desc, key, key_len, 0x36);
	for (; n && !err; in++, n--)
		err = crypto_shash_update(desc, in->base, in->len);
	if (!err)
		err = crypto_shash_final(desc, inner) ?: begin(desc, key, key_len, 0x5c);
	if (!err)
		err = crypto_shash_finup(desc, inner, hash_len, out);
	shash_desc_zero(desc);
	memzero_explicit(inner, sizeof(inner));
	return err;
}

/* Where a hash stands after the key, to go on from there again and again. */
struct start {
	u8 inner[STATE_MAX], outer[STATE_MAX], hash[48];
};

static int start(struct shash_desc *desc, struct start *st, const u8 *key, u32 key_len)
{
	return begin(desc, key, key_len, 0x36) ?: crypto_shash_export(desc, st->inner) ?:
	       begin(desc, key, key_len, 0x5c) ?: crypto_shash_export(desc, st->outer);
}

static int go_on(struct shash_desc *desc, struct start *st, const struct quic_vec *in,
		 unsigned int hash_len, u8 *out)
{
	return crypto_shash_import(desc, st->inner) ?:
	       crypto_shash_finup(desc, in->base, in->len, st->hash) ?:
	       crypto_shash_import(desc, st->outer) ?:
	       crypto_shash_finup(desc, st->hash, hash_len, out);
}

int quic_hmacs(unsigned int hash_len, const u8 *key, u32 key_len, const struct quic_vec *in,
	       unsigned int n, u8 *out)
{
	struct crypto_shash *tfm = hash_len == 48 ? sha384 : sha256;
	SHASH_DESC_ON_STACK(desc, tfm);
	struct start st;
	int err = 0;

	if (n < 2 || crypto_shash_statesize(tfm) > STATE_MAX) {
		for (; n && !err; in++, n--, out += hash_len)
			err = quic_hmac(hash_len, key, key_len, in, 1, out);
		return err;
	}
	desc->tfm = tfm;
	err = start(desc, &st, key, key_len);
	for (; n && !err; in++, n--, out += hash_len)
		err = go_on(desc, &st, in, hash_len, out);
	shash_desc_zero(desc);
	memzero_explicit(&st, sizeof(st));
	return err;
}
