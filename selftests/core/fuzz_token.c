// SPDX-License-Identifier: GPL-2.0
/*
 * Tokens of any bytes, opened, and judged. The first byte: bit 0: the rest becomes the body of
 * a token that is sealed; bit 1: which cipher.
 */
#include "fuzz.h"
#include "token.h"
#include "crypto_gnutls.h"
#include "crypto_null.h"

static const u8 secret[QUIC_TOKEN_SECRET] = { 3, 1, 4, 1, 5 };

static void round_trip(const struct quic_crypto_ops *ops, const u8 *data, size_t size)
{
	struct quic_token t = {}, back;
	u8 token[QUIC_TOKEN_LEN] = {};

	if (size < 50)
		return;
	t.kind = data[0] & 1 ? QUIC_TOKEN_RETRY : QUIC_TOKEN_NEW;
	quic_cid_set(&t.odcid, data + 1, data[0] % (QUIC_CID_MAX + 1));
	t.at = get_unaligned_be64(data + 21);
	memcpy(t.addr.ip, data + 29, 16);
	t.addr.port = get_unaligned_be16(data + 45);
	memcpy(token, data + size - 16, 16);
	must(!quic_token_seal(ops, secret, QUIC_V1, &t, token));
	must(!quic_token_open(ops, secret, QUIC_V1, token, sizeof(token), &back));
	must(back.kind == t.kind && back.at == t.at && back.addr.port == t.addr.port);
	must(quic_cid_eq(&back.odcid, t.odcid.id, t.odcid.len));
	must(!memcmp(back.addr.ip, t.addr.ip, 16));
	/* Its own address and ID, at once */
	must(quic_token_judge(&back, token, &t.addr, token, QUIC_CID_LEN, t.at) == QUIC_TOKEN_GOOD);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const struct quic_crypto_ops *ops;
	struct quic_token t;
	u8 *copy;

	if (!size || size > 4096)
		return 0;
	ops = data[0] & 2 ? &quic_crypto_gnutls : &quic_crypto_null;
	if (data[0] & 1) {
		round_trip(ops, data + 1, size - 1);
		return 0;
	}
	copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	must(quic_token_open(ops, secret, QUIC_V1, copy, size - 1, &t) || size - 1 == QUIC_TOKEN_LEN);
	free(copy);
	return 0;
}
