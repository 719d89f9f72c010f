// SPDX-License-Identifier: GPL-2.0
/* Tokens: what is sealed comes back, anything else is not ours, and what it proves. */
#include "test.h"
#include "token.h"
#include "crypto_gnutls.h"
#include "crypto_null.h"

static const u8 secret[QUIC_TOKEN_SECRET] = { 1, 2, 3 }, other[QUIC_TOKEN_SECRET] = { 1, 2, 4 };
static const struct quic_token_addr home = { .ip = { 1, 2, 3, 4 }, .port = 443 };

#define AT	(1000 * NSEC_PER_SEC)

static const struct quic_crypto_ops *const crypto[] = { &quic_crypto_null, &quic_crypto_gnutls };

static void make(const struct quic_crypto_ops *ops, u8 kind, u8 nonce, u8 *out)
{
	struct quic_token t = { .kind = kind, .addr = home, .at = AT };

	quic_cid_set(&t.odcid, (const u8 *)"abcdefghijklmnopqrst", kind == QUIC_TOKEN_RETRY ? 20 : 0);
	memset(out, nonce, QUIC_TOKEN_NONCE);
	assert_int_equal(quic_token_seal(ops, secret, QUIC_V1, &t, out), 0);
}

static void token__comes_back(void **state)
{
	struct quic_token t;
	u8 buf[QUIC_TOKEN_LEN];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(crypto); i++) {
		make(crypto[i], QUIC_TOKEN_RETRY, 7, buf);
		memset(&t, 0xff, sizeof(t));
		assert_int_equal(quic_token_open(crypto[i], secret, QUIC_V1, buf, sizeof(buf), &t), 0);
		assert_int_equal(t.kind, QUIC_TOKEN_RETRY);
		assert_int_equal(t.at, AT);
		assert_true(quic_cid_eq(&t.odcid, (const u8 *)"abcdefghijklmnopqrst", 20));
		assert_memory_equal(t.addr.ip, home.ip, sizeof(home.ip));
		assert_int_equal(t.addr.port, 443);
	}
}

/* Every bit counts, and so do the secret, the version and the length. */
static void token__forged(void **state)
{
	const struct quic_crypto_ops *ops = &quic_crypto_gnutls;
	u8 buf[QUIC_TOKEN_LEN + 1] = {}, *p;
	struct quic_token t;
	unsigned int i;

	make(ops, QUIC_TOKEN_NEW, 9, buf);
	for (i = 0; i < 8 * QUIC_TOKEN_LEN; i++) {
		buf[i / 8] ^= 1 << i % 8;
		assert_int_equal(quic_token_open(ops, secret, QUIC_V1, buf, QUIC_TOKEN_LEN, &t),
				 -EBADMSG);
		buf[i / 8] ^= 1 << i % 8;
	}
	assert_int_equal(quic_token_open(ops, other, QUIC_V1, buf, QUIC_TOKEN_LEN, &t), -EBADMSG);
	assert_int_equal(quic_token_open(ops, secret, QUIC_V2, buf, QUIC_TOKEN_LEN, &t), -EBADMSG);
	for (i = 0; i <= QUIC_TOKEN_LEN + 1; i++) {
		p = exact(buf, i);
		assert_int_equal(quic_token_open(ops, secret, QUIC_V1, p, i, &t),
				 i == QUIC_TOKEN_LEN ? 0 : -EBADMSG);
		free(p);
	}
}

/* RFC 9000, 8.1.3: nothing in it tells whose it is, or of which kind */
static void token__looks_random(void **state)
{
	u8 a[QUIC_TOKEN_LEN], b[QUIC_TOKEN_LEN];
	unsigned int i, same = 0;

	make(&quic_crypto_gnutls, QUIC_TOKEN_NEW, 1, a);
	make(&quic_crypto_gnutls, QUIC_TOKEN_NEW, 2, b);
	for (i = 0; i < QUIC_TOKEN_LEN; i++)
		same += a[i] == b[i];
	assert_in_range(same, 0, 4);
}

static enum quic_token_verdict judge(u8 kind, const struct quic_token_addr *from, bool right_id,
				     u64 age)
{
	struct quic_token t = { .kind = kind, .addr = home, .at = AT };
	u8 token[QUIC_TOKEN_LEN] = "12345678", dcid[] = "12345678";

	dcid[7] ^= !right_id;
	return quic_token_judge(&t, token, from, dcid, 8, AT + age);
}

static void token__verdict(void **state)
{
	struct quic_token_addr port = home, away = home;

	port.port++;
	away.ip[15]++;
	/* RFC 9000, 8.1.3: another port may be that of a NAT */
	assert_int_equal(judge(QUIC_TOKEN_NEW, &home, false, 0), QUIC_TOKEN_GOOD);
	assert_int_equal(judge(QUIC_TOKEN_NEW, &port, false, QUIC_TOKEN_NEW_LIFE), QUIC_TOKEN_GOOD);
	assert_int_equal(judge(QUIC_TOKEN_NEW, &home, true, QUIC_TOKEN_NEW_LIFE + 1),
			 QUIC_TOKEN_NONE);
	assert_int_equal(judge(QUIC_TOKEN_NEW, &away, true, 0), QUIC_TOKEN_NONE);
	/* 8.1.2 */
	assert_int_equal(judge(QUIC_TOKEN_RETRY, &home, true, QUIC_TOKEN_RETRY_LIFE),
			 QUIC_TOKEN_GOOD);
	assert_int_equal(judge(QUIC_TOKEN_RETRY, &home, true, QUIC_TOKEN_RETRY_LIFE + 1),
			 QUIC_TOKEN_INVALID);
	assert_int_equal(judge(QUIC_TOKEN_RETRY, &port, true, 0), QUIC_TOKEN_INVALID);
	assert_int_equal(judge(QUIC_TOKEN_RETRY, &away, true, 0), QUIC_TOKEN_INVALID);
	assert_int_equal(judge(QUIC_TOKEN_RETRY, &home, false, 0), QUIC_TOKEN_INVALID);
}

static const struct CMUnitTest tests[] = {
	TEST(token__comes_back),
	TEST(token__forged),
	TEST(token__looks_random),
	TEST(token__verdict),
};

TEST_MAIN(tests)
