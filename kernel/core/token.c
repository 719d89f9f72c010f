// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing tokens: encrypt, then authenticate, both with HMAC as the PRF. A
 * transform with a key could not be made where secrets rotate, in softirq.
 *
 *	token	nonce (16), body (48) ^ HMAC-SHA384(secret, "body" | nonce),
 *		HMAC-SHA256(secret, "tag" | version | nonce | sealed body), cut to 16
 *	body	kind (1), length of ID (1), ID (20), time (8), address (16), port (2)
 */
#include "token.h"

#define AT_CID_LEN	1
#define AT_CID		2
#define AT_TIME		22
#define AT_IP		30
#define AT_PORT		46

static int crypt_body(const struct quic_crypto_ops *ops, const u8 *secret, const u8 *nonce,
		      const u8 *from, u8 *to)
{
	const struct quic_vec in[] = { { "body", 4 }, { (void *)nonce, QUIC_TOKEN_NONCE } };
	u8 stream[QUIC_TOKEN_BODY];
	unsigned int i;
	int err;

	err = ops->hmac(sizeof(stream), secret, QUIC_TOKEN_SECRET, in, ARRAY_SIZE(in), stream);
	if (err)
		return err;
	for (i = 0; i < sizeof(stream); i++)
		to[i] = from[i] ^ stream[i];
	memzero_explicit(stream, sizeof(stream));
	return 0;
}

static int make_mac(const struct quic_crypto_ops *ops, const u8 *secret, u32 version,
		    const u8 *token, u8 *mac)
{
	u8 ver[4];
	const struct quic_vec in[] = {
		{ "tag", 3 },
		{ ver, sizeof(ver) },
		{ (void *)token, QUIC_TOKEN_NONCE + QUIC_TOKEN_BODY },
	};

	put_unaligned_be32(version, ver);
	return ops->hmac(32, secret, QUIC_TOKEN_SECRET, in, ARRAY_SIZE(in), mac);
}

int quic_token_seal(const struct quic_crypto_ops *ops, const u8 *secret, u32 version,
		    const struct quic_token *t, u8 *out)
{
	u8 body[QUIC_TOKEN_BODY] = {}, mac[32];
	int err;

	body[0] = t->kind;
	body[AT_CID_LEN] = t->odcid.len;
	memcpy(body + AT_CID, t->odcid.id, t->odcid.len);
	put_unaligned_be64(t->at, body + AT_TIME);
	memcpy(body + AT_IP, t->addr.ip, sizeof(t->addr.ip));
	put_unaligned_be16(t->addr.port, body + AT_PORT);
	err = crypt_body(ops, secret, out, body, out + QUIC_TOKEN_NONCE) ?:
	      make_mac(ops, secret, version, out, mac);
	if (!err)
		memcpy(out + QUIC_TOKEN_NONCE + QUIC_TOKEN_BODY, mac, QUIC_TOKEN_MAC);
	return err;
}

int quic_token_open(const struct quic_crypto_ops *ops, const u8 *secret, u32 version,
		    const u8 *token, u32 len, struct quic_token *t)
{
	u8 body[QUIC_TOKEN_BODY], mac[32];
	int err;

	if (len != QUIC_TOKEN_LEN)
		return -EBADMSG;
	err = make_mac(ops, secret, version, token, mac);
	if (err)
		return err;
	if (crypto_memneq(mac, token + QUIC_TOKEN_NONCE + QUIC_TOKEN_BODY, QUIC_TOKEN_MAC))
		return -EBADMSG;
	err = crypt_body(ops, secret, token, token + QUIC_TOKEN_NONCE, body);
	if (err)
		return err;
	/* We sealed it: this cannot be wrong. */
	if (WARN_ON_ONCE(body[AT_CID_LEN] > QUIC_CID_MAX))
		return -EBADMSG;
	t->kind = body[0];
	quic_cid_set(&t->odcid, body + AT_CID, body[AT_CID_LEN]);
	t->at = get_unaligned_be64(body + AT_TIME);
	memcpy(t->addr.ip, body + AT_IP, sizeof(t->addr.ip));
	t->addr.port = get_unaligned_be16(body + AT_PORT);
	return 0;
}

enum quic_token_verdict quic_token_judge(const struct quic_token *t, const u8 *token,
					 const struct quic_token_addr *from, const u8 *dcid,
					 u8 dcid_len, u64 now)
{
	bool same_ip = !memcmp(t->addr.ip, from->ip, sizeof(from->ip));
	u64 age = now - min(t->at, now);

	if (t->kind == QUIC_TOKEN_NEW)
		return same_ip && age <= QUIC_TOKEN_NEW_LIFE ? QUIC_TOKEN_GOOD : QUIC_TOKEN_NONE;
	if (same_ip && t->addr.port == from->port && age <= QUIC_TOKEN_RETRY_LIFE &&
	    dcid_len == QUIC_CID_LEN && !memcmp(dcid, token, QUIC_CID_LEN))
		return QUIC_TOKEN_GOOD;
	return QUIC_TOKEN_INVALID;
}
