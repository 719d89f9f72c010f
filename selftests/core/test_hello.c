// SPDX-License-Identifier: GPL-2.0
/*
 * The ClientHello of an attempt: out of Initial packets in any order and pieces, and what it
 * offers (RFC 9000, 7.5; RFC 9001, 8.1; RFC 7301, 3.1).
 */
#include "test.h"
#include "crypto_gnutls.h"
#include "frame.h"
#include "hello.h"
#include "hello_build.h"
#include "tls.h"

static const struct quic_cid dcid = { 8, { 1, 2, 3, 4, 5, 6, 7, 8 } };
static const struct quic_cid scid = { 4, { 9, 9, 9, 9 } };

struct client {
	struct quic_protect prot;
	u32 version;
	u64 pn;
	u8 hello[QUIC_HELLO_MAX + 100];
	u32 len;
};

static struct client *client_new(u32 version, const char *alpns, u32 before, u32 after)
{
	struct client *c = calloc(1, sizeof(*c));

	c->version = version;
	quic_protect_init(&c->prot, &quic_crypto_gnutls);
	assert_int_equal(quic_protect_initial(&c->prot, version, &dcid, false), 0);
	c->len = hello_build(c->hello, alpns, before, after);
	return c;
}

static void client_free(struct client *c)
{
	quic_protect_free(&c->prot);
	free(c);
}

/* An Initial packet of @plain, followed by PADDING up to @size. Return: its length */
static u32 seal(struct client *c, u8 *buf, u32 size, const u8 *plain, u32 len)
{
	u32 len_off, pn_off, hdr_len;
	struct quic_hp_item hp = {};
	u8 *body = calloc(1, size), *p;
	struct quic_vec v = { .base = body };

	p = quic_packet_put_long(buf, buf + size, QUIC_PKT_INITIAL, c->version, &dcid, &scid, NULL, 0,
				 c->pn, 2, &len_off, &pn_off);
	assert_non_null(p);
	hdr_len = p - buf;
	memcpy(body, plain, len);
	v.len = max(len, size - hdr_len - QUIC_AEAD_TAG);
	quic_varint_put2(buf + len_off, hdr_len - pn_off + v.len + QUIC_AEAD_TAG);
	assert_int_equal(quic_protect_seal(&c->prot, QUIC_LEVEL_INITIAL, c->pn++, buf, hdr_len, &v, 1,
					   v.len), 0);
	hp.sample = buf + pn_off + 4;
	hp.pn_off = pn_off;
	assert_int_equal(quic_protect_hide(&c->prot, QUIC_LEVEL_INITIAL, &hp, 1), 0);
	free(body);
	return hdr_len + v.len + QUIC_AEAD_TAG;
}

/* A datagram with [off, off + len) of the hello */
static bool give(struct quic_hello *h, struct client *c, u32 off, u32 len)
{
	bool new;
	u8 plain[2000], *p, *buf = malloc(2100), *room = malloc(2100);
	u32 n = len;

	p = quic_frame_put_crypto(plain, plain + sizeof(plain), off, &n);
	assert_int_equal(n, len);
	memcpy(p, c->hello + off, len);
	n = seal(c, buf, max(1200u, len + 80), plain, p + len - plain);
	new = quic_hello_datagram(h, buf, n, room);
	free(buf);
	free(room);
	return new;
}

static enum quic_hello_state state_of(struct quic_hello *h)
{
	const u8 *list;
	u32 len;

	return quic_hello_state(h, &list, &len);
}

static void assert_offers(struct quic_hello *h, const char *bytes)
{
	const u8 *list;
	u32 len;

	assert_int_equal(quic_hello_state(h, &list, &len), QUIC_HELLO_OFFERS);
	assert_int_equal(len, strlen(bytes));
	assert_memory_equal(list, bytes, len);
}

static void hello__one_datagram(void **state)
{
	static const u32 versions[] = { QUIC_V1, QUIC_V2 };
	struct quic_hello h;
	struct client *c;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		c = client_new(versions[i], "h3,smb", 0, 0);
		assert_int_equal(quic_hello_init(&h, &quic_crypto_gnutls, versions[i], &dcid), 0);
		assert_false(quic_hello_opened(&h));
		assert_int_equal(state_of(&h), QUIC_HELLO_PART);
		give(&h, c, 0, c->len);
		assert_true(quic_hello_opened(&h));
		assert_offers(&h, "\x02h3\x03smb");
		quic_hello_free(&h);
		client_free(c);
	}
}

static void hello__none_offered(void **state)
{
	struct client *c = client_new(QUIC_V1, NULL, 100, 0);
	struct quic_hello h;

	assert_int_equal(quic_hello_init(&h, &quic_crypto_gnutls, QUIC_V1, &dcid), 0);
	give(&h, c, 0, c->len);
	assert_int_equal(state_of(&h), QUIC_HELLO_NO_ALPN);
	quic_hello_free(&h);
	client_free(c);
}

/* RFC 9000, 7.5: every order of four datagrams, one of them twice */
static void hello__any_order(void **state)
{
	struct client *c = client_new(QUIC_V1, "h3", 1500, 1500);
	unsigned int perm, i, at, left;
	u32 piece = DIV_ROUND_UP(c->len, 4);
	struct quic_hello h;

	for (perm = 0; perm < 24; perm++) {
		u8 order[4] = { 0, 1, 2, 3 };

		for (i = 0, left = perm; i < 4; i++) {
			at = i + left % (4 - i);
			left /= 4 - i;
			swap(order[i], order[at]);
		}
		assert_int_equal(quic_hello_init(&h, &quic_crypto_gnutls, QUIC_V1, &dcid), 0);
		for (i = 0; i < 4; i++) {
			assert_int_equal(state_of(&h), QUIC_HELLO_PART);
			assert_true(give(&h, c, order[i] * piece,
					 min(piece, c->len - order[i] * piece)));
			if (i == 1)
				assert_false(give(&h, c, order[0] * piece,
						  min(piece, c->len - order[0] * piece)));
		}
		assert_offers(&h, "\x02h3");
		quic_hello_free(&h);
	}
	client_free(c);
}

/* Chromium's way: one packet's CRYPTO frames shuffled, with PING and PADDING between */
static void hello__shuffled_frames(void **state)
{
	struct client *c = client_new(QUIC_V1, "h3,h3-29", 300, 200);
	u8 plain[1500], *p = plain, *end = plain + sizeof(plain), *buf = malloc(2000), *room = malloc(2000);
	u32 n, off, i, piece = DIV_ROUND_UP(c->len, 7);
	struct quic_hello h;

	for (i = 0; i < 7; i++) {
		off = (i * 3 % 7) * piece;
		n = min(piece, c->len - off);
		p = quic_frame_put_crypto(p, end, off, &n);
		memcpy(p, c->hello + off, n);
		p += n;
		*p++ = i & 1 ? QUIC_FT_PING : QUIC_FT_PADDING;
	}
	assert_int_equal(quic_hello_init(&h, &quic_crypto_gnutls, QUIC_V1, &dcid), 0);
	n = seal(c, buf, 1200, plain, p - plain);
	quic_hello_datagram(&h, buf, n, room);
	assert_offers(&h, "\x02h3\x05h3-29");
	quic_hello_free(&h);
	client_free(c);
	free(buf);
	free(room);
}

/* A packet that fails to open, of another version or ID, or with a frame that has no place there */
static void hello__what_does_not_count(void **state)
{
	struct client *c = client_new(QUIC_V1, "h3", 0, 0);
	u8 plain[600], *p, *buf = malloc(2000), *room = malloc(2000);
	struct quic_hello h;
	u32 n, len = c->len;

	assert_int_equal(quic_hello_init(&h, &quic_crypto_gnutls, QUIC_V1, &dcid), 0);
	p = quic_frame_put_crypto(plain, plain + sizeof(plain), 0, &len);
	memcpy(p, c->hello, len);
	p += len;
	n = seal(c, buf, 1200, plain, p - plain);
	buf[n - 1] ^= 1;
	quic_hello_datagram(&h, buf, n, room);
	buf[n - 1] ^= 1;
	assert_false(quic_hello_opened(&h));
	buf[6] ^= 1;
	quic_hello_datagram(&h, buf, n, room);
	buf[6] ^= 1;
	assert_false(quic_hello_opened(&h));
	for (len = 0; len < n; len += 7) {
		u8 *cut = malloc(len);

		memcpy(cut, buf, len);
		quic_hello_datagram(&h, cut, len, room);
		free(cut);
	}
	assert_false(quic_hello_opened(&h));
	/* MAX_DATA is for 1-RTT; what stands before it came. */
	c->pn = 5;
	memmove(plain + 3, plain, p - plain);
	memcpy(plain, "\x01\x10\x01", 3);
	n = seal(c, buf, 1200, plain, p + 3 - plain);
	quic_hello_datagram(&h, buf, n, room);
	assert_true(quic_hello_opened(&h));
	assert_int_equal(state_of(&h), QUIC_HELLO_PART);
	quic_hello_free(&h);
	client_free(c);
	free(buf);
	free(room);
}

static enum quic_hello_state tampered(u32 at, u8 val, const char *alpns)
{
	struct client *c = client_new(QUIC_V1, alpns, 0, 0);
	enum quic_hello_state st;
	struct quic_hello h;

	c->hello[at] = val;
	assert_int_equal(quic_hello_init(&h, &quic_crypto_gnutls, QUIC_V1, &dcid), 0);
	give(&h, c, 0, c->len);
	st = state_of(&h);
	quic_hello_free(&h);
	client_free(c);
	return st;
}

static void hello__malformed(void **state)
{
	const u32 exts = 4 + 34 + 1 + 4 + 2;	/* where the extensions' length is */
	const u32 alpn = exts + 2 + 7;		/* where ALPN begins */

	assert_int_equal(tampered(0, 2, "h3"), QUIC_HELLO_BAD);		/* a ServerHello */
	assert_int_equal(tampered(1, 1, "h3"), QUIC_HELLO_BAD);		/* 64 KiB to come */
	assert_int_equal(tampered(3, 200, "h3"), QUIC_HELLO_PART);
	assert_int_equal(tampered(38, 33, "h3"), QUIC_HELLO_BAD);
	assert_int_equal(tampered(exts + 1, 5, "h3"), QUIC_HELLO_BAD);
	assert_int_equal(tampered(alpn + 3, 4, "h3"), QUIC_HELLO_BAD);
	assert_int_equal(tampered(alpn + 5, 2, "h3"), QUIC_HELLO_BAD);
	assert_int_equal(tampered(alpn + 6, 0, "h3"), QUIC_HELLO_BAD);	/* an empty name */
	assert_int_equal(tampered(alpn + 6, 3, "h3"), QUIC_HELLO_BAD);
	assert_int_equal(tampered(alpn + 1, 17, "h3"), QUIC_HELLO_NO_ALPN);
	assert_int_equal(tampered(alpn + 7, 'q', "h3"), QUIC_HELLO_OFFERS);
	assert_int_equal(tampered(0, 1, ""), QUIC_HELLO_BAD);		/* an empty list */
}

/* Nothing beyond the limit is kept, whatever is said; nothing allocated without data. */
static void hello__bounded(void **state)
{
	struct client *c = client_new(QUIC_V1, "h3", 16000, 0);
	struct quic_hello h;
	u32 i;

	assert_int_equal(quic_hello_init(&h, &quic_crypto_gnutls, QUIC_V1, &dcid), 0);
	give(&h, c, QUIC_HELLO_MAX - 10, 10);
	assert_int_equal(h.cap, QUIC_HELLO_MAX);
	give(&h, c, QUIC_HELLO_MAX - 10, 11);
	give(&h, c, QUIC_HELLO_MAX, 5);
	assert_true(quic_ranges_last(&h.got)->end == QUIC_HELLO_MAX);
	/* Single bytes: at most so many pieces */
	for (i = 2; i < 400; i += 2)
		give(&h, c, i, 1);
	assert_true(h.got.n <= 64);
	quic_hello_free(&h);
	client_free(c);
}

static void hello__no_memory(void **state)
{
	struct client *c = client_new(QUIC_V1, "h3", 1000, 0);
	struct quic_hello h;
	int i, err;

	for (i = 1; i < 12; i++) {
		c->pn = 0;
		os_alloc_fail_after(i);
		err = quic_hello_init(&h, &quic_crypto_gnutls, QUIC_V1, &dcid);
		if (!err)
			give(&h, c, 0, c->len);
		os_alloc_fail_after(0);
		quic_hello_free(&h);
	}
	client_free(c);
}

/* Two ALPN extensions are one too many (RFC 8446, 4.2). */
static void hello__alpn_twice(void **state)
{
	u8 buf[300], *p = buf + 4;
	const u8 *list;
	u32 len;

	len = hello_build(buf, "h3", 0, 0);
	p = hello_alpn(buf + len, "h3");
	len = p - buf;
	buf[3] = len - 4;
	hello_be16(buf + 45, len - 47);
	assert_false(quic_tls_alpn(buf, len, &list, &len));
}

/*
 * RFC 9002, 6.2.4: the ClientHello was lost, and the client's probe is PING alone. That is news, once:
 * somebody has to acknowledge it.
 */
static void hello__probe_first(void **state)
{
	struct client *c = client_new(QUIC_V1, "h3", 0, 0);
	static const u8 ping[1] = { QUIC_FT_PING };
	struct quic_hello h;
	u8 buf[1500], room[1500];
	u32 n;

	assert_int_equal(quic_hello_init(&h, &quic_crypto_gnutls, QUIC_V1, &dcid), 0);
	n = seal(c, buf, 1200, ping, 1);
	assert_true(quic_hello_datagram(&h, buf, n, room));
	assert_int_equal(state_of(&h), QUIC_HELLO_PART);
	assert_false(quic_hello_datagram(&h, buf, n, room));
	n = seal(c, buf, 1200, ping, 1);
	assert_false(quic_hello_datagram(&h, buf, n, room));
	quic_hello_free(&h);
	client_free(c);
}

static const struct CMUnitTest tests[] = {
	TEST(hello__probe_first),
	TEST(hello__one_datagram),
	TEST(hello__none_offered),
	TEST(hello__any_order),
	TEST(hello__shuffled_frames),
	TEST(hello__what_does_not_count),
	TEST(hello__malformed),
	TEST(hello__bounded),
	TEST(hello__no_memory),
	TEST(hello__alpn_twice),
};

TEST_MAIN(tests)
