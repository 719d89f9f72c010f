// SPDX-License-Identifier: GPL-2.0
/* Packet headers: the bytes of RFC 9001, A; packet numbers: RFC 9000, A.2 and A.3 */
#include "test.h"
#include "packet.h"

static const char dcid_hex[] = "8394c8f03e515708";
static const char scid_hex[] = "f067a5502a4262b5";

static struct quic_cid cid(const char *s)
{
	struct quic_cid c = { 0 };

	c.len = hex(c.id, sizeof(c.id), s);
	return c;
}

/* Must fail at every length below @n, without a look past the end. */
static void refuses_truncation(const u8 *buf, u32 n, u8 cid_len)
{
	struct quic_packet p;
	u32 i;

	for (i = 0; i < n; i++) {
		u8 *cut = exact(buf, i);

		assert_int_equal(quic_packet_parse(cut, i, cid_len, &p), -EINVAL);
		free(cut);
	}
}

static void parse__client_initial(void **state)
{
	u8 buf[1250] = { 0 }, id[8];
	struct quic_packet p;

	hex(buf, sizeof(buf), "c000000001088394c8f03e5157080000449e7b9aec34");
	hex(id, 8, dcid_hex);
	assert_int_equal(quic_packet_parse(buf, 1250, 8, &p), 0);
	assert_int_equal(p.type, QUIC_PKT_INITIAL);
	assert_int_equal(p.version, QUIC_V1);
	assert_int_equal(p.dcid_len, 8);
	assert_memory_equal(p.dcid, id, 8);
	assert_int_equal(p.scid_len, 0);
	assert_int_equal(p.token_len, 0);
	assert_int_equal(p.pn_off, 18);
	assert_int_equal(p.len, 1200);	/* the next coalesced packet follows */
	refuses_truncation(buf, 1200, 8);
}

static void parse__server_initial(void **state)
{
	u8 buf[135] = { 0 }, id[8];
	struct quic_packet p;

	hex(buf, sizeof(buf), "cf000000010008f067a5502a4262b5004075c0d9");
	hex(id, 8, scid_hex);
	assert_int_equal(quic_packet_parse(buf, 135, 8, &p), 0);
	assert_int_equal(p.type, QUIC_PKT_INITIAL);
	assert_int_equal(p.dcid_len, 0);
	assert_int_equal(p.scid_len, 8);
	assert_memory_equal(p.scid, id, 8);
	assert_int_equal(p.pn_off, 18);
	assert_int_equal(p.len, 135);
	refuses_truncation(buf, 135, 8);
}

static void parse__retry(void **state)
{
	struct quic_packet p;
	u8 buf[64];
	u32 n = hex(buf, sizeof(buf),
		    "ff000000010008f067a5502a4262b574 6f6b656e04a265ba2eff4d829058fb3f 0f2496ba");

	assert_int_equal(quic_packet_parse(buf, n, 8, &p), 0);
	assert_int_equal(p.type, QUIC_PKT_RETRY);
	assert_int_equal(p.token_len, 5);
	assert_memory_equal(p.token, "token", 5);
	assert_int_equal(p.pn_off, n - 16);
	assert_int_equal(p.len, n);
	/* without a token it is to be dropped; shorter cuts lack a tag */
	refuses_truncation(buf, n - 4, 8);
}

static void parse__chacha_short(void **state)
{
	struct quic_packet p;
	u8 buf[32];
	u32 n = hex(buf, sizeof(buf), "4cfe4189655e5cd55c41f69080575d7999c25a5bfb");

	assert_int_equal(n, 21);
	assert_int_equal(quic_packet_parse(buf, n, 0, &p), 0);
	assert_int_equal(p.type, QUIC_PKT_1RTT);
	assert_int_equal(p.version, 0);
	assert_int_equal(p.pn_off, 1);
	assert_int_equal(p.len, 21);
	refuses_truncation(buf, n, 0);
}

static void parse__short_with_id(void **state)
{
	u8 buf[29] = { 0x40, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct quic_packet p;

	assert_int_equal(quic_packet_parse(buf, 29, 8, &p), 0);
	assert_int_equal(p.dcid_len, 8);
	assert_memory_equal(p.dcid, buf + 1, 8);
	assert_int_equal(p.pn_off, 9);
	refuses_truncation(buf, 29, 8);
	assert_true(p.fixed);
	buf[0] = 0;	/* RFC 9287, 3: to be taken, by those who said so */
	assert_int_equal(quic_packet_parse(buf, 29, 8, &p), 0);
	assert_false(p.fixed);
}

/* RFC 9000, 17.2; RFC 9369, 3.2 */
static void parse__types_of_both_versions(void **state)
{
	static const u8 v1[] = { 0xc0, 0xd0, 0xe0 }, v2[] = { 0xd0, 0xe0, 0xf0 };
	struct quic_packet p;
	unsigned int i;

	for (i = QUIC_PKT_INITIAL; i <= QUIC_PKT_HANDSHAKE; i++) {
		u8 buf[64] = { v1[i], 0, 0, 0, 1, 0, 0 };

		if (i == QUIC_PKT_INITIAL)
			buf[8] = 20;	/* no token; Length */
		else
			buf[7] = 20;
		assert_int_equal(quic_packet_parse(buf, 64, 8, &p), 0);
		assert_int_equal(p.type, i);
		assert_int_equal(p.len, i == QUIC_PKT_INITIAL ? 29 : 28);
		buf[0] = v2[i];
		put_unaligned_be32(QUIC_V2, buf + 1);
		assert_int_equal(quic_packet_parse(buf, 64, 8, &p), 0);
		assert_int_equal(p.type, i);
		assert_true(p.fixed);
		buf[0] &= ~0x40;
		assert_int_equal(quic_packet_parse(buf, 64, 8, &p), 0);
		assert_int_equal(p.type, i);
		assert_false(p.fixed);
	}
	{
		u8 buf[64] = { 0xc0 };

		put_unaligned_be32(QUIC_V2, buf + 1);
		assert_int_equal(quic_packet_parse(buf, 64, 8, &p), 0);
		assert_int_equal(p.type, QUIC_PKT_RETRY);
	}
}

static void parse__length_out_of_bounds(void **state)
{
	u8 buf[100] = { 0xe0, 0, 0, 0, 1, 0, 0, 0x40, 91 };
	struct quic_packet p;

	assert_int_equal(quic_packet_parse(buf, 100, 8, &p), 0);
	assert_int_equal(p.len, 100);
	buf[8] = 92;	/* past the end */
	assert_int_equal(quic_packet_parse(buf, 100, 8, &p), -EINVAL);
	buf[8] = 19;	/* no room for a sample: RFC 9001, 5.4.2 */
	assert_int_equal(quic_packet_parse(buf, 100, 8, &p), -EINVAL);
	buf[8] = 20;
	assert_int_equal(quic_packet_parse(buf, 100, 8, &p), 0);
	hex(buf + 7, 8, "ffffffffffffffff");
	assert_int_equal(quic_packet_parse(buf, 100, 8, &p), -EINVAL);
	/* the token of an Initial past the end */
	buf[0] = 0xc0;
	assert_int_equal(quic_packet_parse(buf, 100, 8, &p), -EINVAL);
}

static void parse__long_ids(void **state)
{
	u8 buf[600] = { 0xe0, 0, 0, 0, 1, 21 };
	struct quic_packet p;

	buf[5 + 1 + 21 + 1] = 40;
	assert_int_equal(quic_packet_parse(buf, 600, 8, &p), -EINVAL);
	buf[5] = 20;
	buf[5 + 1 + 20] = 20;
	buf[5 + 1 + 20 + 1 + 20] = 40;
	assert_int_equal(quic_packet_parse(buf, 600, 8, &p), 0);
	assert_true(p.dcid_len == 20 && p.scid_len == 20);
	buf[5 + 1 + 20] = 21;
	buf[5 + 1 + 20 + 1 + 20] = 0;
	buf[5 + 1 + 20 + 1 + 21] = 40;
	assert_int_equal(quic_packet_parse(buf, 600, 8, &p), -EINVAL);
	memset(buf + 6, 0, 50);
	/* but of a version unknown to us any length goes: RFC 8999, 5.1 */
	put_unaligned_be32(0x1a2a3a4a, buf + 1);
	buf[0] = 0x80;
	buf[5] = 255;
	buf[5 + 1 + 255] = 255;
	assert_int_equal(quic_packet_parse(buf, 600, 8, &p), 0);
	assert_int_equal(p.type, QUIC_PKT_UNKNOWN);
	assert_int_equal(p.dcid_len, 255);
	assert_int_equal(p.scid_len, 255);
	assert_int_equal(p.len, 600);
	refuses_truncation(buf, 5 + 256 + 256, 8);
}

static void parse__version_negotiation(void **state)
{
	u8 buf[32] = { 0x80, 0, 0, 0, 0, 2, 'a', 'b', 1, 'c', 0, 0, 0, 1 };
	struct quic_packet p;

	assert_int_equal(quic_packet_parse(buf, 14, 8, &p), 0);
	assert_int_equal(p.type, QUIC_PKT_VERSION_NEG);
	assert_int_equal(p.version, 0);
	assert_int_equal(p.pn_off, 10);
	assert_int_equal(p.len, 14);
	assert_int_equal(quic_packet_parse(buf, 15, 8, &p), -EINVAL);
	refuses_truncation(buf, 14, 8);
}

static void put_long__rfc9001_headers(void **state)
{
	struct quic_cid dcid = cid(dcid_hex), scid = cid(scid_hex), none = { 0 };
	u32 len_off, pn_off, n;
	u8 buf[64], want[64];
	u8 *end;

	n = hex(want, 64, "c300000001088394c8f03e515708000040000000 0002");
	end = quic_packet_put_long(buf, buf + n, QUIC_PKT_INITIAL, QUIC_V1, &dcid, &none,
				   NULL, 0, 2, 4, &len_off, &pn_off);
	assert_ptr_equal(end, buf + n);
	assert_memory_equal(buf, want, n);
	assert_int_equal(len_off, 16);
	assert_int_equal(pn_off, 18);
	quic_varint_put2(buf + len_off, 1182);
	assert_int_equal(get_unaligned_be16(buf + 16), 0x449e);

	n = hex(want, 64, "c1000000010008f067a5502a4262b50040000001");
	end = quic_packet_put_long(buf, buf + n, QUIC_PKT_INITIAL, QUIC_V1, &none, &scid,
				   NULL, 0, 1, 2, &len_off, &pn_off);
	assert_ptr_equal(end, buf + n);
	assert_memory_equal(buf, want, n);
}

static void put_long__parses_back(void **state)
{
	struct quic_cid scid = cid("0102030405060708090a0b0c0d0e0f1011121314");
	struct quic_cid dcid = cid(dcid_hex);
	static const u32 versions[] = { QUIC_V1, QUIC_V2 };
	unsigned int i, v, type, pn_len;
	struct quic_packet p;
	u8 buf[256], *end;
	u32 len_off, pn_off;
	size_t room;

	for (i = 0; i < 2 * 3 * 4; i++) {
		v = i & 1;
		type = i / 2 % 3;
		pn_len = i / 6 + 1;
		memset(buf, 0xee, sizeof(buf));
		for (room = 0; ; room++) {
			end = quic_packet_put_long(buf, buf + room, type, versions[v], &dcid,
						   &scid, (u8 *)"secret", 6, 0x12345678, pn_len,
						   &len_off, &pn_off);
			if (end)
				break;
			assert_int_equal(buf[0], 0xee);
		}
		assert_ptr_equal(end, buf + room);	/* room is asked for exactly */
		assert_int_equal(buf[room], 0xee);
		quic_varint_put2(buf + len_off, 50);
		assert_int_equal(quic_packet_parse(buf, 200, 8, &p), 0);
		assert_int_equal(p.type, type);
		assert_int_equal(p.version, versions[v]);
		assert_true(quic_cid_eq(&dcid, p.dcid, p.dcid_len));
		assert_true(quic_cid_eq(&scid, p.scid, p.scid_len));
		assert_int_equal(p.token_len, type == QUIC_PKT_INITIAL ? 6 : 0);
		assert_int_equal(p.pn_off, pn_off);
		assert_int_equal(p.len, pn_off + 50);
		assert_int_equal(end - buf, pn_off + pn_len);
		assert_int_equal((buf[0] & QUIC_HDR_PN_LEN) + 1, pn_len);
		assert_int_equal(buf[0] & QUIC_HDR_LONG_RESERVED, 0);
		assert_int_equal(end[-1], 0x78);
	}
}

static void put_short__chacha_header(void **state)
{
	struct quic_cid none = { 0 }, dcid = cid(dcid_hex);
	u8 buf[32], want[32];
	u32 pn_off;

	hex(want, 32, "4200bff4");
	assert_ptr_equal(quic_packet_put_short(buf, buf + 4, &none, false, false, 654360564, 3,
					       &pn_off), buf + 4);
	assert_memory_equal(buf, want, 4);
	assert_int_equal(pn_off, 1);
	assert_null(quic_packet_put_short(buf, buf + 3, &none, false, false, 1, 3, &pn_off));
	assert_ptr_equal(quic_packet_put_short(buf, buf + 10, &dcid, true, true, 0x1ff, 1, &pn_off),
			 buf + 10);
	assert_int_equal(buf[0], 0x64);
	assert_int_equal(buf[9], 0xff);
	assert_int_equal(pn_off, 9);
	assert_null(quic_packet_put_short(buf, buf + 9, &dcid, true, true, 1, 1, &pn_off));
}

static void pn_len__rfc9000_a2(void **state)
{
	assert_int_equal(quic_packet_pn_len(0xac5c02, 0xabe8b3), 2);
	assert_int_equal(quic_packet_pn_len(0xace8fe, 0xabe8b3), 3);
	assert_int_equal(quic_packet_pn_len(0, -1), 1);
	assert_int_equal(quic_packet_pn_len(126, -1), 1);
	/* "more than twice": RFC 9000, 17.1 */
	assert_int_equal(quic_packet_pn_len(127, -1), 2);
	assert_int_equal(quic_packet_pn_len(32766, -1), 2);
	assert_int_equal(quic_packet_pn_len(32767, -1), 3);
	assert_int_equal(quic_packet_pn_len((1 << 23) - 1, -1), 4);
	assert_int_equal(quic_packet_pn_len(QUIC_VARINT_MAX, QUIC_VARINT_MAX - 1), 1);
}

static void pn_decode__rfc9000_a3(void **state)
{
	assert_int_equal(quic_packet_pn_decode(0xa82f30ea, 0x9b32, 2), 0xa82f9b32);
	assert_int_equal(quic_packet_pn_decode(-1, 0, 1), 0);
	assert_int_equal(quic_packet_pn_decode(-1, 200, 1), 200);
	assert_int_equal(quic_packet_pn_decode(0xff, 0x00, 1), 0x100);
	assert_int_equal(quic_packet_pn_decode(0x100, 0xff, 1), 0xff);
	/* both edges of the window */
	assert_int_equal(quic_packet_pn_decode(0x17f, 0x00, 1), 0x200);
	assert_int_equal(quic_packet_pn_decode(0x180, 0x00, 1), 0x200);
	assert_int_equal(quic_packet_pn_decode(0x17e, 0x00, 1), 0x100);
	assert_int_equal(quic_packet_pn_decode(0xff, 0x80, 1), 0x180);
	assert_int_equal(quic_packet_pn_decode(0xff, 0x81, 1), 0x81);
	/* no packet number lies beyond 2^62-1 */
	assert_int_equal(quic_packet_pn_decode(QUIC_VARINT_MAX - 1, 0xff, 1), QUIC_VARINT_MAX);
	assert_int_equal(quic_packet_pn_decode(QUIC_VARINT_MAX - 1, 0x00, 1),
			 QUIC_VARINT_MAX - 0xff);
}

/* Whatever length the sender picks, a receiver that saw the acknowledged packet recovers it. */
static void pn_decode__of_what_pn_len_picks(void **state)
{
	u64 seed = 3;
	int i;

	for (i = 0; i < 200000; i++) {
		s64 acked = (s64)(rnd(&seed) >> (2 + rnd(&seed) % 62)) - 1;
		u64 pn = acked + 1 + (rnd(&seed) & ((1ull << (rnd(&seed) % 31)) - 1));
		s64 seen = acked + (s64)(rnd(&seed) % (pn - acked));
		unsigned int len;

		if (pn > QUIC_VARINT_MAX)
			continue;
		len = quic_packet_pn_len(pn, acked);
		assert_int_equal(quic_packet_pn_decode(seen, pn & ((1ull << 8 * len) - 1), len),
				 pn);
	}
}

static void build_vn__swaps_ids_and_lists_ours(void **state)
{
	static const struct quic_versions lists[] = {
		{ 2, { QUIC_V1, QUIC_V2 } }, { 2, { QUIC_V2, QUIC_V1 } }, { 1, { QUIC_V2 } }, { 0 },
	};
	struct quic_packet in = { .dcid = (u8 *)"12345678", .dcid_len = 8,
				  .scid = (u8 *)"abc", .scid_len = 3 }, p;
	unsigned int l, i, places;
	struct quic_versions got;
	u64 seed = 5;
	u8 buf[64];
	int n, k;

	for (l = 0; l < ARRAY_SIZE(lists); l++) {
		const struct quic_versions *v = &lists[l];

		for (i = 0, places = 0; i < 2000; i++) {
			n = quic_packet_build_vn(buf, sizeof(buf), &in, v, rnd(&seed));
			assert_int_equal(n, 1 + 4 + 4 + 9 + 4 * (v->n + 1));
			assert_int_equal(quic_packet_parse(buf, n, 8, &p), 0);
			assert_int_equal(p.type, QUIC_PKT_VERSION_NEG);
			assert_true(p.dcid_len == 3 && !memcmp(p.dcid, "abc", 3));
			assert_true(p.scid_len == 8 && !memcmp(p.scid, "12345678", 8));
			assert_true(buf[0] & QUIC_HDR_FIXED);
			quic_packet_vn_list(buf, &p, &got);
			assert_int_equal(got.n, v->n);
			assert_memory_equal(got.list, v->list, 4 * v->n);
			assert_int_equal(quic_packet_vn_has(buf, &p, QUIC_V1),
					 quic_version_listed(v, QUIC_V1));
			/* RFC 9000, 6.3: a reserved one, anywhere */
			for (k = p.pn_off; k < n; k += 4)
				if (quic_version_reserved(get_unaligned_be32(buf + k)))
					places |= 1 << (k - p.pn_off) / 4;
		}
		assert_int_equal(places, (1 << (v->n + 1)) - 1);
		assert_int_equal(quic_packet_build_vn(buf, n, &in, v, 0), n);
		assert_int_equal(quic_packet_build_vn(buf, n - 1, &in, v, 0), -EMSGSIZE);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(parse__client_initial),
	TEST(parse__server_initial),
	TEST(parse__retry),
	TEST(parse__chacha_short),
	TEST(parse__short_with_id),
	TEST(parse__types_of_both_versions),
	TEST(parse__length_out_of_bounds),
	TEST(parse__long_ids),
	TEST(parse__version_negotiation),
	TEST(put_long__rfc9001_headers),
	TEST(put_long__parses_back),
	TEST(put_short__chacha_header),
	TEST(pn_len__rfc9000_a2),
	TEST(pn_decode__rfc9000_a3),
	TEST(pn_decode__of_what_pn_len_picks),
	TEST(build_vn__swaps_ids_and_lists_ours),
};

TEST_MAIN(tests)
