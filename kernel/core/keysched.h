/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The key schedule (RFC 9001, 5.1 and 5.2; RFC 9369, 3.3): from a secret to a
 * key that can be used, with what depends on version and cipher in two tables.
 * Process context where a struct quic_key is made, any context otherwise.
 */
#ifndef QUIC_CORE_KEYSCHED_H
#define QUIC_CORE_KEYSCHED_H

#include "protect.h"

#define QUIC_SECRET_MAX		48
#define QUIC_SALT_LEN		20

struct quic_version_keys {
	u32 version;
	const char *key, *iv, *hp, *ku;		/* labels, without "tls13 " */
	u8 salt[QUIC_SALT_LEN];			/* of the Initial secret */
	u8 retry_key[16];
	u8 retry_nonce[12];
};

struct quic_cipher_info {
	u32 cipher;
	u8 key_len;
	u8 hash_len;			/* length of secrets, too */
	u64 confidentiality;		/* packets sealed with one key; RFC 9001, 6.6 */
	u64 integrity;			/* packets that failed to open, all keys of a connection */
};

/*
 * NULL: not a version or cipher we know. A reserved version (RFC 9000, 15) has version 1's: the
 * client that sends it can only be told to choose another.
 */
const struct quic_version_keys *quic_keysched_version(u32 version);
const struct quic_cipher_info *quic_keysched_cipher(u32 cipher);

/* What is derived from a secret: @len bytes to @out, at most as many as the hash has. */
struct quic_label {
	const char *label;	/* without "tls13 " */
	u8 *out;
	unsigned int len;
};

/* HKDF-Expand-Label with an empty context (RFC 8446, 7.1) for each of up to three labels. */
int quic_keysched_expand(const struct quic_crypto_ops *ops, unsigned int hash_len,
			 const u8 *secret, const struct quic_label *labels, unsigned int n);
/* Both Initial secrets, 32 bytes each. */
int quic_keysched_initial(const struct quic_crypto_ops *ops, const struct quic_version_keys *vk,
			  const struct quic_cid *dcid, u8 *client, u8 *server);

/*
 * A key from @secret. @hp: with header protection; without, it is a later
 * generation. @keep: remember the secret, to derive the next one.
 */
struct quic_key *quic_keysched_key(const struct quic_crypto_ops *ops,
				   const struct quic_version_keys *vk,
				   const struct quic_cipher_info *ci, const u8 *secret,
				   bool hp, bool keep, int *err);
/* The generation after @key. */
struct quic_key *quic_keysched_next(const struct quic_crypto_ops *ops,
				    const struct quic_version_keys *vk,
				    const struct quic_key *key, int *err);
/* Its transforms go, the secret stays: one that was kept. Any context. */
void quic_keysched_strip(const struct quic_crypto_ops *ops, struct quic_key *key);
/* They come back, for the first generation. Process context. Return: 0, -ENOMEM, crypto's */
int quic_keysched_restore(const struct quic_crypto_ops *ops, const struct quic_version_keys *vk,
			  struct quic_key *key);
/* Wipes it. Any context; NULL is fine. */
void quic_keysched_free(const struct quic_crypto_ops *ops, struct quic_key *key);

#endif
