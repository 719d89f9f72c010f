// SPDX-License-Identifier: GPL-2.0
/* Parsers of frames, and where each frame may be: RFC 9000, 12.4 and 19 */
#include "frame_help.h"

static void parse__type_not_shortest(void **state)
{
	struct quic_frame f;

	assert_int_equal(parse_hex("", &f), BAD);
	/* RFC 9000, 12.4 */
	assert_int_equal(parse_hex("4001", &f), QUIC_ERR_PROTOCOL_VIOLATION);
	assert_int_equal(parse_hex("8000001e", &f), QUIC_ERR_PROTOCOL_VIOLATION);
	assert_int_equal(parse_hex("c000000000004000", &f), QUIC_ERR_PROTOCOL_VIOLATION);
	assert_int_equal(parse_hex("800000af01020304", &f), QUIC_ERR_PROTOCOL_VIOLATION);
	assert_int_equal(parse_hex("c0000000000000af01020304", &f), QUIC_ERR_PROTOCOL_VIOLATION);
	assert_int_equal(parse_hex("4024000000000000", &f), QUIC_ERR_PROTOCOL_VIOLATION);
	assert_int_equal(parse_hex("40", &f), BAD);
}

static void parse__unknown_type(void **state)
{
	struct quic_frame f;
	unsigned int t;
	char s[32];

	for (t = 0; t < 64; t++) {
		if (t <= 0x1f || t == 0x24 || t == 0x30 || t == 0x31)
			continue;
		snprintf(s, sizeof(s), "%02x0000000000000000", t);
		assert_int_equal(parse_hex(s, &f), BAD);
	}
	assert_int_equal(parse_hex("4040", &f), BAD);
	assert_int_equal(parse_hex("80004000", &f), BAD);
	assert_int_equal(parse_hex("ff00000000000000", &f), BAD);
}

/* The kinds whose writers leave the payload out; the others are cut in put__each_parses_back. */
static void parse__cut_at_each_byte(void **state)
{
	static const char *const t[] = {
		"0a4104 03616263", "0f4104 80010000 03616263", "0e044100026162",
		"0240640a02020100000a", "0340640a020201 00000a 074100 80000009",
		"06410003616263", "3103616263",
	};
	static const char *const headers[] = { "084104", "0c4104c000000000010000" };
	struct quic_frame f;
	unsigned int i, n, len;
	size_t used;
	u8 w[64], *cut;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		n = hex(w, sizeof(w), t[i]);
		whole_or_nothing(w, n, &f);
	}
	/* to the end of the packet: only the header can be cut */
	for (i = 0; i < ARRAY_SIZE(headers); i++) {
		n = hex(w, sizeof(w), headers[i]);
		for (len = 0; len <= n; len++) {
			cut = exact(w, len);
			assert_int_equal(parse(cut, len, &f, &used), len < n ? BAD : 0);
			free(cut);
		}
	}
}

static void padding__a_run_is_one(void **state)
{
	u8 z[100] = { 0 };
	struct quic_frame f;
	size_t used;

	assert_int_equal(parse(z, 100, &f, &used), 0);
	assert_int_equal(f.type, QUIC_FT_PADDING);
	assert_int_equal(f.padding.len, 100);
	assert_int_equal(used, 100);
	z[40] = QUIC_FT_PING;
	assert_int_equal(parse(z, 100, &f, &used), 0);
	assert_int_equal(used, 40);
	assert_int_equal(f.padding.len, 40);
	assert_int_equal(parse(z + 40, 60, &f, &used), 0);
	assert_int_equal(f.type, QUIC_FT_PING);
	assert_int_equal(used, 1);
}

static void stream__all_bits(void **state)
{
	struct quic_frame f;
	unsigned int bits;
	char s[64];

	for (bits = 0; bits < 8; bits++) {
		snprintf(s, sizeof(s), "%02x4104%s%s616263", 8 + bits, bits & 4 ? "80010000" : "",
			 bits & 2 ? "03" : "");
		assert_int_equal(parse_hex(s, &f), 0);
		assert_int_equal(f.type, 8 + bits);
		assert_int_equal(f.stream.id, 0x104);
		assert_int_equal(f.stream.off, bits & 4 ? 0x10000 : 0);
		assert_int_equal(f.stream.len, 3);
		assert_memory_equal(f.stream.data, "abc", 3);
		assert_int_equal(f.stream.fin, bits & 1);
	}
	assert_int_equal(parse_hex("0804", &f), 0);	/* empty, to the end */
	assert_int_equal(f.stream.len, 0);
	assert_int_equal(parse_hex("0a040461", &f), BAD);
	assert_int_equal(parse_hex("0a04" MAX8 "61", &f), BAD);
}

static void stream__beyond_the_last_offset(void **state)
{
	struct quic_frame f;

	assert_int_equal(parse_hex("0e00fffffffffffffffe0161", &f), 0);
	assert_int_equal(f.stream.off + f.stream.len, QUIC_VARINT_MAX);
	assert_int_equal(parse_hex("0f00" MAX8 "00", &f), 0);
	assert_int_equal(parse_hex("0e00" MAX8 "0161", &f), BAD);
	assert_int_equal(parse_hex("0c00" MAX8 "61", &f), BAD);
}

static void ack__ranges_descend(void **state)
{
	struct quic_ack_iter it;
	struct quic_frame f;

	/* 100..98, gap 96..95, 94, gap 93, 92..82 */
	assert_int_equal(parse_hex("024064 0a 02 02 0100 000a", &f), 0);
	assert_int_equal(f.ack.largest, 100);
	assert_int_equal(f.ack.delay, 10);
	assert_int_equal(f.ack.nranges, 2);
	assert_false(f.ack.ecn);
	quic_ack_iter_init(&it, &f.ack);
	assert_true(it.r.start == 98 && it.r.end == 101);
	assert_true(quic_ack_iter_next(&it));
	assert_true(it.r.start == 95 && it.r.end == 96);
	assert_true(quic_ack_iter_next(&it));
	assert_true(it.r.start == 83 && it.r.end == 94);
	assert_false(quic_ack_iter_next(&it));
	assert_true(it.r.start == 83);
}

static void ack__ecn_counts(void **state)
{
	struct quic_frame f;

	assert_int_equal(parse_hex("0305000005 07 4100 09", &f), 0);
	assert_true(f.ack.ecn);
	assert_int_equal(f.ack.ect0, 7);
	assert_int_equal(f.ack.ect1, 0x100);
	assert_int_equal(f.ack.ce, 9);
	assert_int_equal(parse_hex("0305000005 07 4100", &f), BAD);
	assert_int_equal(parse_hex("0305000005", &f), BAD);
}

static void ack__below_zero(void **state)
{
	struct quic_frame f;

	assert_int_equal(parse_hex("0205000005", &f), 0);	/* down to 0 */
	assert_int_equal(parse_hex("0205000006", &f), BAD);
	assert_int_equal(parse_hex("0205000100 0003", &f), 0);	/* 5, 3..0 */
	assert_int_equal(parse_hex("0205000100 0004", &f), BAD);
	assert_int_equal(parse_hex("0205000100 0300", &f), 0);	/* 5, 0 */
	assert_int_equal(parse_hex("0205000100 0400", &f), BAD);
	/* 10, 8, then down to 0 and below */
	assert_int_equal(parse_hex("020a000200 0000 0600", &f), 0);
	assert_int_equal(parse_hex("020a000200 0000 0700", &f), BAD);
	assert_int_equal(parse_hex("020a000200 0002 0400", &f), 0);	/* 10, 8..6, 0 */
	assert_int_equal(parse_hex("020a000200 0002 0500", &f), BAD);
	assert_int_equal(parse_hex("0205000104 0000", &f), BAD); /* 5..1: no room for a gap */
	assert_int_equal(parse_hex("0205000100 " MAX8 MAX8, &f), BAD);
	assert_int_equal(parse_hex("02" MAX8 "00 01 00 " MAX8 "00", &f), BAD);
	/* a count nobody can have sent */
	assert_int_equal(parse_hex("0205 00 " MAX8 "00 0000", &f), BAD);
}

static void numbers__limits(void **state)
{
	static const char *const streams[] = { "12", "13", "16", "17" };
	struct quic_frame f;
	unsigned int i;
	char s[64];

	for (i = 0; i < ARRAY_SIZE(streams); i++) {
		snprintf(s, sizeof(s), "%s%s", streams[i], "d000000000000000");
		assert_int_equal(parse_hex(s, &f), 0);
		assert_int_equal(f.max.max, 1ull << 60);
		snprintf(s, sizeof(s), "%s%s", streams[i], "d000000000000001");
		assert_int_equal(parse_hex(s, &f), BAD);
	}
	assert_int_equal(parse_hex("10" MAX8, &f), 0);
	assert_int_equal(parse_hex("14" MAX8, &f), 0);
	assert_int_equal(parse_hex("11" MAX8 MAX8, &f), 0);
	assert_int_equal(f.max.id, QUIC_VARINT_MAX);
}

static void new_cid__limits(void **state)
{
	static const char *const tok = "000102030405060708090a0b0c0d0e0f";
	struct quic_frame f;
	char s[256];

	snprintf(s, sizeof(s), "18020200%s", tok);	/* length 0 */
	assert_int_equal(parse_hex(s, &f), BAD);
	snprintf(s, sizeof(s), "180202 01 aa%s", tok);
	assert_int_equal(parse_hex(s, &f), 0);
	assert_int_equal(f.new_cid.len, 1);
	assert_int_equal(f.new_cid.reset_token[15], 0x0f);
	snprintf(s, sizeof(s), "180203 01 aa%s", tok);	/* retires what does not exist */
	assert_int_equal(parse_hex(s, &f), BAD);
	snprintf(s, sizeof(s), "180200 14 %s00010203%s", tok, tok);
	assert_int_equal(parse_hex(s, &f), 0);
	snprintf(s, sizeof(s), "180200 15 %s0001020304%s", tok, tok);
	assert_int_equal(parse_hex(s, &f), BAD);
}

static void token__empty(void **state)
{
	struct quic_frame f;

	assert_int_equal(parse_hex("0700", &f), BAD);	/* RFC 9000, 19.7 */
	assert_int_equal(parse_hex("0701aa", &f), 0);
}

static void crypto__beyond_the_last_offset(void **state)
{
	struct quic_frame f;

	assert_int_equal(parse_hex("06fffffffffffffffe0161", &f), 0);
	assert_int_equal(parse_hex("06" MAX8 "0161", &f), BAD);
	assert_int_equal(parse_hex("0600" MAX8 "61", &f), BAD);
}

static void datagram__with_and_without_length(void **state)
{
	struct quic_frame f;

	assert_int_equal(parse_hex("30", &f), 0);
	assert_int_equal(f.datagram.len, 0);
	assert_int_equal(parse_hex("306162", &f), 0);
	assert_int_equal(f.datagram.len, 2);
	assert_int_equal(parse_hex("3100", &f), 0);
	assert_int_equal(parse_hex("31026162", &f), 0);
	assert_memory_equal(f.datagram.data, "ab", 2);
	assert_int_equal(f.datagram.size, 4);
	assert_int_equal(parse_hex("31400161", &f), 0);
	assert_int_equal(f.datagram.size, 4);
	assert_int_equal(parse_hex("306162", &f), 0);
	assert_int_equal(f.datagram.size, 3);
	assert_int_equal(parse_hex("310361 62", &f), BAD);
}

/* draft-ietf-quic-reliable-stream-reset, 4 */
static void reset_at__reliable_within_final(void **state)
{
	struct quic_frame f;

	assert_int_equal(parse_hex("24 04 4101 05 05", &f), 0);
	assert_int_equal(f.reset.id, 4);
	assert_int_equal(f.reset.code, 0x101);
	assert_int_equal(f.reset.final_size, 5);
	assert_int_equal(f.reset.reliable, 5);
	assert_int_equal(parse_hex("24 04 00 05 06", &f), BAD);
	assert_int_equal(parse_hex("24 04 00 05", &f), BAD);
	assert_int_equal(parse_hex("04 04 00 05", &f), 0);
	assert_int_equal(f.reset.reliable, 0);
}

/* draft-ietf-quic-ack-frequency, 4 and 5 */
static void ack_freq__four_numbers(void **state)
{
	struct quic_frame f;

	assert_int_equal(parse_hex("40af 05 4100 80010000 03", &f), 0);
	assert_int_equal(f.type, QUIC_FT_ACK_FREQUENCY);
	assert_int_equal(f.ack_freq.seq, 5);
	assert_int_equal(f.ack_freq.threshold, 256);
	assert_int_equal(f.ack_freq.delay, 65536);
	assert_int_equal(f.ack_freq.reorder, 3);
	assert_int_equal(parse_hex("40af 05 4100 80010000", &f), BAD);
	assert_int_equal(parse_hex("1f", &f), 0);
}

/* RFC 9000, 12.4, table 3, as printed there */
static void allowed__table_3(void **state)
{
	static const struct { u8 lo, hi; const char *pkts; } t[] = {
		{ 0x00, 0x01, "IH01" }, { 0x02, 0x03, "IH1" }, { 0x04, 0x05, "01" },
		{ 0x06, 0x06, "IH1" }, { 0x07, 0x07, "1" }, { 0x08, 0x1a, "01" },
		{ 0x1b, 0x1b, "1" }, { 0x1c, 0x1c, "IH01" }, { 0x1d, 0x1d, "01" },
		{ 0x1e, 0x1e, "1" }, { 0x20, 0x23, "" }, { 0x25, 0x2f, "" }, { 0x30, 0x31, "01" },
		{ 0x32, 0xae, "" }, { 0xb0, 0xff, "" },
		/* the drafts' */
		{ 0x1f, 0x1f, "1" }, { 0x24, 0x24, "01" }, { 0xaf, 0xaf, "1" },
	};
	unsigned int i, type;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		for (type = t[i].lo; type <= t[i].hi; type++) {
			assert_int_equal(quic_frame_allowed(type, QUIC_LEVEL_INITIAL),
					 !!strchr(t[i].pkts, 'I'));
			assert_int_equal(quic_frame_allowed(type, QUIC_LEVEL_HANDSHAKE),
					 !!strchr(t[i].pkts, 'H'));
			assert_int_equal(quic_frame_allowed(type, QUIC_LEVEL_EARLY),
					 !!strchr(t[i].pkts, '0'));
			assert_int_equal(quic_frame_allowed(type, QUIC_LEVEL_APP),
					 !!strchr(t[i].pkts, '1'));
		}
	}
	assert_false(quic_frame_allowed(1ull << 32, QUIC_LEVEL_APP));
	assert_false(quic_frame_allowed(U64_MAX, QUIC_LEVEL_APP));
}

static void eliciting__all_but_five(void **state)
{
	unsigned int type;

	for (type = 0; type < 0x40; type++)
		assert_int_equal(quic_frame_eliciting(type),
				 type && type != 2 && type != 3 && type != 0x1c && type != 0x1d);
}

static const struct CMUnitTest tests[] = {
	TEST(parse__type_not_shortest),
	TEST(parse__unknown_type),
	TEST(parse__cut_at_each_byte),
	TEST(padding__a_run_is_one),
	TEST(stream__all_bits),
	TEST(stream__beyond_the_last_offset),
	TEST(ack__ranges_descend),
	TEST(ack__ecn_counts),
	TEST(ack__below_zero),
	TEST(numbers__limits),
	TEST(new_cid__limits),
	TEST(token__empty),
	TEST(crypto__beyond_the_last_offset),
	TEST(datagram__with_and_without_length),
	TEST(reset_at__reliable_within_final),
	TEST(ack_freq__four_numbers),
	TEST(allowed__table_3),
	TEST(eliciting__all_but_five),
};

TEST_MAIN(tests)
