// SPDX-License-Identifier: GPL-2.0
/*
 * The key schedule. Every secret that passes through the stack is wiped before
 * it is left behind.
 */
#include "keysched.h"

static const struct quic_version_keys versions[] = {
	{	/* RFC 9001, 5.2 and 5.8 */
		.version = QUIC_V1,
		.key = "quic key", .iv = "quic iv", .hp = "quic hp", .ku = "quic ku",
		.salt = { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
			  0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a },
		.retry_key = { 0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a,
			       0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e },
		.retry_nonce = { 0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63,
				 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb },
	},
	{	/* RFC 9369, 3.3 */
		.version = QUIC_V2,
		.key = "quicv2 key", .iv = "quicv2 iv", .hp = "quicv2 hp", .ku = "quicv2 ku",
		.salt = { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
			  0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 },
		.retry_key = { 0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2,
			       0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92 },
		.retry_nonce = { 0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c,
				 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a },
	},
};

/* RFC 9001, 6.6. For CCM 2^21.5, rounded down; ChaCha20 has no bound on packets sealed. */
#define LIMIT_CCM	2965820ull

static const struct quic_cipher_info ciphers[] = {
	{ QUIC_CIPHER_AES_GCM_128, 16, 32, 1ull << 23, 1ull << 52 },
	{ QUIC_CIPHER_AES_GCM_256, 32, 48, 1ull << 23, 1ull << 52 },
	{ QUIC_CIPHER_AES_CCM_128, 16, 32, LIMIT_CCM, LIMIT_CCM },
	{ QUIC_CIPHER_CHACHA20_POLY1305, 32, 32, U64_MAX, 1ull << 36 },
};

const struct quic_version_keys *quic_keysched_version(u32 version)
{
	unsigned int i;

	if (quic_version_reserved(version))
		version = QUIC_V1;
	for (i = 0; i < ARRAY_SIZE(versions); i++)
		if (versions[i].version == version)
			return &versions[i];
	return NULL;
}

const struct quic_cipher_info *quic_keysched_cipher(u32 cipher)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].cipher == cipher)
			return &ciphers[i];
	return NULL;
}

#define LABELS_MAX	3
#define INFO_MAX	32	/* bytes of HkdfLabel, and the counter */

static u32 put_info(u8 *info, const char *label, unsigned int out_len)
{
	static const char prefix[] = "tls13 ";
	const unsigned int prefix_len = sizeof(prefix) - 1;
	unsigned int len = strlen(label);
	u8 *p = info;

	if (WARN_ON(len + prefix_len + 5 > INFO_MAX))
		return 0;
	put_unaligned_be16(out_len, p);
	p[2] = prefix_len + len;
	memcpy(p + 3, prefix, prefix_len);
	p += 3 + prefix_len;
	memcpy(p, label, len);
	p += len;
	*p++ = 0;	/* no context */
	*p++ = 1;	/* RFC 5869, 2.3: T(1), which is all we ever need */
	return p - info;
}

int quic_keysched_expand(const struct quic_crypto_ops *ops, unsigned int hash_len,
			 const u8 *secret, const struct quic_label *labels, unsigned int n)
{
	u8 info[LABELS_MAX][INFO_MAX], block[LABELS_MAX * QUIC_SECRET_MAX];
	struct quic_vec v[LABELS_MAX];
	unsigned int i;
	int err;

	if (WARN_ON(n > LABELS_MAX || hash_len > QUIC_SECRET_MAX))
		return -EINVAL;
	for (i = 0; i < n; i++) {
		v[i].base = info[i];
		v[i].len = put_info(info[i], labels[i].label, labels[i].len);
		if (WARN_ON(!v[i].len || labels[i].len > hash_len))
			return -EINVAL;
	}
	err = ops->hmacs(hash_len, secret, hash_len, v, n, block);
	for (i = 0; i < n && !err; i++)
		memcpy(labels[i].out, block + i * hash_len, labels[i].len);
	memzero_explicit(block, sizeof(block));
	return err;
}

int quic_keysched_initial(const struct quic_crypto_ops *ops, const struct quic_version_keys *vk,
			  const struct quic_cid *dcid, u8 *client, u8 *server)
{
	struct quic_vec v = { (void *)dcid->id, dcid->len };
	const struct quic_label labels[] = {
		{ "client in", client, 32 },
		{ "server in", server, 32 },
	};
	u8 common[32];
	int err;

	err = ops->hmac(sizeof(common), vk->salt, sizeof(vk->salt), &v, 1, common);
	if (!err)
		err = quic_keysched_expand(ops, sizeof(common), common, labels,
					   ARRAY_SIZE(labels));
	memzero_explicit(common, sizeof(common));
	return err;
}

/* Fill @key's aead, iv and (if @hp) hp; what was made before a failure stays in @key. */
static int derive(const struct quic_crypto_ops *ops, const struct quic_version_keys *vk,
		  const struct quic_cipher_info *ci, const u8 *secret, bool hp,
		  struct quic_key *key)
{
	u8 raw[32], raw_hp[32];
	const struct quic_label labels[] = {
		{ vk->iv, key->iv, sizeof(key->iv) },
		{ vk->key, raw, ci->key_len },
		{ vk->hp, raw_hp, ci->key_len },
	};
	int err;

	err = quic_keysched_expand(ops, ci->hash_len, secret, labels, hp ? 3 : 2);
	if (err)
		return err;
	key->aead = ops->aead_alloc(ci->cipher, raw, &err);
	if (key->aead && hp)
		key->hp = ops->hp_alloc(ci->cipher, raw_hp, &err);
	memzero_explicit(raw, sizeof(raw));
	memzero_explicit(raw_hp, sizeof(raw_hp));
	return err;
}

struct quic_key *quic_keysched_key(const struct quic_crypto_ops *ops,
				   const struct quic_version_keys *vk,
				   const struct quic_cipher_info *ci, const u8 *secret,
				   bool hp, bool keep, int *err)
{
	struct quic_key *key = kzalloc(sizeof(*key), GFP_KERNEL_ACCOUNT);

	*err = key ? derive(ops, vk, ci, secret, hp, key) : -ENOMEM;
	if (*err) {
		quic_keysched_free(ops, key);
		return NULL;
	}
	key->cipher = ci->cipher;
	key->first_pn = U64_MAX;
	if (keep) {
		key->secret_len = ci->hash_len;
		memcpy(key->secret, secret, ci->hash_len);
	}
	return key;
}

struct quic_key *quic_keysched_next(const struct quic_crypto_ops *ops,
				    const struct quic_version_keys *vk,
				    const struct quic_key *key, int *err)
{
	struct quic_key *next = NULL;
	u8 secret[QUIC_SECRET_MAX];
	const struct quic_label label = { vk->ku, secret, key->secret_len };

	*err = quic_keysched_expand(ops, key->secret_len, key->secret, &label, 1);
	if (!*err)
		next = quic_keysched_key(ops, vk, quic_keysched_cipher(key->cipher), secret,
					 false, true, err);
	if (next)
		next->limit = key->limit;
	memzero_explicit(secret, sizeof(secret));
	return next;
}

void quic_keysched_strip(const struct quic_crypto_ops *ops, struct quic_key *key)
{
	ops->aead_free(key->aead);
	ops->hp_free(key->hp);
	key->aead = NULL;
	key->hp = NULL;
}

int quic_keysched_restore(const struct quic_crypto_ops *ops, const struct quic_version_keys *vk,
			  struct quic_key *key)
{
	int err;

	if (key->hp)
		return 0;
	err = derive(ops, vk, quic_keysched_cipher(key->cipher), key->secret, true, key);
	if (err)
		quic_keysched_strip(ops, key);
	return err;
}

void quic_keysched_free(const struct quic_crypto_ops *ops, struct quic_key *key)
{
	if (!key)
		return;
	ops->aead_free(key->aead);
	ops->hp_free(key->hp);
	kfree_sensitive(key);
}
