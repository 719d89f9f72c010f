// SPDX-License-Identifier: GPL-2.0
/* Every frame of RFC 9000, 19 and RFC 9221, 4: both ways, cut at each byte, past each limit. */
#include "test.h"
#include "frame.h"

#define BAD		QUIC_ERR_FRAME_ENCODING
#define MAX8		"ffffffffffffffff"	/* 2^62-1 */

static u8 buf[4096];

static int parse(const u8 *p, size_t n, struct quic_frame *f, size_t *used)
{
	const u8 *q = p;
	int err = quic_frame_parse(&q, p + n, f);

	if (err)
		assert_ptr_equal(q, p);
	*used = q - p;
	return err;
}

static int parse_hex(const char *s, struct quic_frame *f)
{
	size_t n = hex(buf, sizeof(buf), s), used;
	int err = parse(buf, n, f, &used);

	if (!err)
		assert_int_equal(used, n);
	return err;
}

/* The frame of @n bytes at @p parses whole, is refused cut anywhere, and ignores what follows. */
static void whole_or_nothing(const u8 *p, size_t n, struct quic_frame *f)
{
	size_t i, used;
	u8 *copy;

	for (i = 0; i < n; i++) {
		copy = exact(p, i);
		assert_int_equal(parse(copy, i, f, &used), BAD);
		free(copy);
	}
	memcpy(buf, p, n);
	memset(buf + n, 0x01, 8);
	assert_int_equal(parse(buf, n + 8, f, &used), 0);
	assert_int_equal(used, n);
}

/* @put writes @n bytes given room for them and nothing given less; then it parses. */
#define WRITES(f, put) do {						\
	u8 w[256], *_end = NULL;					\
	size_t _room;							\
	memset(w, 0xee, sizeof(w));					\
	for (_room = 0; !_end; _room++) {				\
		u8 *p = w, *end = w + _room;				\
		_end = put;						\
		assert_true(_end || w[0] == 0xee);			\
	}								\
	assert_ptr_equal(_end, w + _room - 1);				\
	assert_int_equal(*_end, 0xee);					\
	whole_or_nothing(w, _end - w, f);				\
} while (0)

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

static void put_ack__same_ranges_back(void **state)
{
	unsigned int n, i, ecn;
	u64 seed = 11;

	for (n = 1; n <= 300; n += n < 4 ? 1 : n < 70 ? 3 : 77) {
		static const u64 counts[3] = { 5, 70, 17000 };
		struct quic_ack_iter it;
		struct quic_ranges rs;
		struct quic_frame f;
		u64 pn = rnd(&seed) % 1000;
		size_t used;
		u8 w[4096], *end;

		ecn = n & 1;
		quic_ranges_init(&rs);
		for (i = 0; i < n; i++) {
			u64 len = 1 + rnd(&seed) % (i % 7 ? 4 : 5000);

			quic_ranges_add(&rs, pn, pn + len, 1000, GFP_KERNEL);
			pn += len + 1 + rnd(&seed) % (i % 5 ? 3 : 20000);
		}
		end = quic_frame_put_ack(w, w + sizeof(w), &rs, 12345, ecn ? counts : NULL);
		assert_non_null(end);
		assert_int_equal(parse(w, end - w, &f, &used), 0);
		assert_int_equal(used, end - w);
		assert_int_equal(f.ack.delay, 12345);
		assert_int_equal(f.ack.nranges, n - 1);
		assert_int_equal(f.ack.ecn, ecn);
		if (ecn)
			assert_true(f.ack.ect0 == 5 && f.ack.ect1 == 70 && f.ack.ce == 17000);
		quic_ack_iter_init(&it, &f.ack);
		i = n;
		do {
			i--;
			assert_int_equal(it.r.start, rs.r[i].start);
			assert_int_equal(it.r.end, rs.r[i].end);
		} while (quic_ack_iter_next(&it));
		assert_int_equal(i, 0);
		quic_ranges_free(&rs);
	}
}

static void put_ack__as_many_as_fit(void **state)
{
	static const u64 counts[3] = { 1, 2, 3 };
	struct quic_ranges rs;
	u64 last[2] = { 0 };
	size_t room, used;
	struct quic_frame f;
	u8 w[512], *end;
	int i;

	quic_ranges_init(&rs);
	assert_null(quic_frame_put_ack(w, w + 512, &rs, 0, NULL));	/* nothing to say */
	for (i = 0; i < 100; i++)
		quic_ranges_add(&rs, 3 * i, 3 * i + 1, 200, GFP_KERNEL);
	for (room = 0; room < 300; room++) {
		for (i = 0; i < 2; i++) {
			memset(w, 0xee, sizeof(w));
			end = quic_frame_put_ack(w, w + room, &rs, 0, i ? counts : NULL);
			if (!end) {
				assert_int_equal(w[0], 0xee);
				assert_int_equal(last[i], 0);
				continue;
			}
			assert_true(end <= w + room);
			assert_int_equal(w[room], 0xee);
			assert_int_equal(parse(w, end - w, &f, &used), 0);
			assert_int_equal(used, end - w);
			assert_int_equal(f.ack.largest, 297);
			assert_true(f.ack.nranges + 1 >= last[i]);
			last[i] = f.ack.nranges + 1;
		}
	}
	assert_int_equal(last[0], 100);
	assert_int_equal(last[1], 100);
	quic_ranges_free(&rs);
}

static void put__each_parses_back(void **state)
{
	const u8 *tok = (const u8 *)"0123456789abcdef", *id = (const u8 *)"abcdefgh";
	struct quic_frame f;

	WRITES(&f, quic_frame_put_reset(p, end, 7, 300, 1ull << 40));
	assert_true(f.type == QUIC_FT_RESET_STREAM && f.reset.id == 7 && f.reset.code == 300 &&
		    f.reset.final_size == 1ull << 40);
	WRITES(&f, quic_frame_put_stop(p, end, 70, 3));
	assert_true(f.type == QUIC_FT_STOP_SENDING && f.stop.id == 70 && f.stop.code == 3);
	WRITES(&f, quic_frame_put_token(p, end, tok, 16));
	assert_true(f.type == QUIC_FT_NEW_TOKEN && f.token.len == 16);
	assert_memory_equal(f.token.data, tok, 16);
	WRITES(&f, quic_frame_put_new_cid(p, end, 9, 8, id, 8, tok));
	assert_true(f.type == QUIC_FT_NEW_CONNECTION_ID && f.new_cid.seq == 9 &&
		    f.new_cid.prior_to == 8 && f.new_cid.len == 8);
	assert_memory_equal(f.new_cid.id, id, 8);
	assert_memory_equal(f.new_cid.reset_token, tok, 16);
	WRITES(&f, quic_frame_put_path(p, end, QUIC_FT_PATH_CHALLENGE, id));
	assert_int_equal(f.type, QUIC_FT_PATH_CHALLENGE);
	assert_memory_equal(f.path, id, 8);
	WRITES(&f, quic_frame_put_path(p, end, QUIC_FT_PATH_RESPONSE, id));
	assert_int_equal(f.type, QUIC_FT_PATH_RESPONSE);
	WRITES(&f, quic_frame_put_type(p, end, QUIC_FT_PING));
	assert_int_equal(f.type, QUIC_FT_PING);
	WRITES(&f, quic_frame_put_type(p, end, QUIC_FT_HANDSHAKE_DONE));
	assert_int_equal(f.type, QUIC_FT_HANDSHAKE_DONE);
}

static void put_v1_v2__each_type(void **state)
{
	static const u8 v1[] = { 0x10, 0x12, 0x13, 0x14, 0x16, 0x17, 0x19 };
	static const u64 values[] = { 0, 63, 64, 16384, 1ull << 30, 1ull << 60 };
	struct quic_frame f;
	unsigned int i, j;

	for (j = 0; j < ARRAY_SIZE(values); j++) {
		u64 v = values[j];

		for (i = 0; i < ARRAY_SIZE(v1); i++) {
			WRITES(&f, quic_frame_put_v1(p, end, v1[i], v));
			assert_int_equal(f.type, v1[i]);
			assert_int_equal(v1[i] == 0x19 ? f.retire.seq : f.max.max, v);
		}
		for (i = 0x11; i <= 0x15; i += 4) {
			WRITES(&f, quic_frame_put_v2(p, end, i, v / 2, v));
			assert_int_equal(f.type, i);
			assert_true(f.max.id == v / 2 && f.max.max == v);
		}
	}
}

static void put_close__reason_is_cut(void **state)
{
	u8 reason[200], w[300], *end;
	struct quic_frame f;
	size_t room, used;
	int app;

	memset(reason, 'r', sizeof(reason));
	for (app = 0; app < 2; app++) {
		u32 last = 0;

		for (room = 0; room < 220; room++) {
			memset(w, 0xee, sizeof(w));
			end = quic_frame_put_close(w, w + room, app, 0x10a, 0x1234, reason, 200);
			if (!end) {
				assert_true(room < (app ? 4 : 6));
				continue;
			}
			assert_true(end <= w + room && end + 1 >= w + min_t(size_t, room, 206));
			assert_int_equal(w[room], 0xee);
			assert_int_equal(parse(w, end - w, &f, &used), 0);
			assert_int_equal(f.type, app ? 0x1d : 0x1c);
			assert_int_equal(f.close.code, 0x10a);
			assert_int_equal(f.close.frame_type, app ? 0 : 0x1234);
			assert_true(f.close.reason_len >= last);
			last = f.close.reason_len;
		}
		assert_int_equal(last, 200);
	}
	WRITES(&f, quic_frame_put_close(p, end, false, 1, 2, NULL, 0));
	assert_int_equal(f.close.reason_len, 0);
}

static void put_crypto__what_fits(void **state)
{
	u8 w[20000], *end;
	size_t room, used;
	struct quic_frame f;
	u32 len, last = 0;

	for (room = 0; room < 17000; room += room < 100 || room > 16380 ? 1 : 61) {
		len = 16500;
		end = quic_frame_put_crypto(w, w + room, 1000, &len);
		if (!end) {
			assert_true(room < 5);
			assert_int_equal(len, 16500);
			continue;
		}
		assert_true(len && len >= last && end + len <= w + room);
		assert_true(end + len + 2 >= w + room || len == 16500);
		last = len;
		assert_int_equal(parse(w, end + len - w, &f, &used), 0);
		assert_int_equal(used, end + len - w);
		assert_true(f.crypto.off == 1000 && f.crypto.len == len);
	}
	len = 0;
	assert_null(quic_frame_put_crypto(w, w + 100, 0, &len));
}

static void check_stream(size_t room, u32 want, bool want_fin, u64 off, bool omit)
{
	static u8 w[20000];
	struct quic_frame f;
	u32 len = want;
	bool fin = want_fin;
	u8 *end;
	size_t used, least = 1 + 2 + (off ? quic_varint_len(off) : 0);

	w[0] = 0xee;
	end = quic_frame_put_stream(w, w + room, 100, off, &len, &fin, omit);
	if (!end) {
		assert_int_equal(w[0], 0xee);
		assert_true(len == want && fin == want_fin);
		/* only for want of room for a Length and one byte */
		assert_true(room < least + (omit ? 0 : 1) + (want ? 1 : 0));
		return;
	}
	assert_true(end + len <= w + room);
	assert_true(len <= want && (len || !want));
	assert_int_equal(fin, want_fin && len == want);
	/* cut only for want of room; the width of a Length may cost two bytes */
	if (len < want)
		assert_true(end + len + 2 >= w + room);
	if (omit && room >= least && room - least <= want)
		assert_ptr_equal(end + len, w + room);
	/* without a Length nothing can follow */
	if (!(w[0] & QUIC_STREAM_BIT_LEN))
		assert_true(omit && end + len == w + room);
	else if (omit)
		assert_true(end + len <= w + room);
	assert_int_equal(parse(w, end + len - w, &f, &used), 0);
	assert_int_equal(used, end + len - w);
	assert_int_equal(f.stream.id, 100);
	assert_int_equal(f.stream.off, off);
	assert_int_equal(f.stream.len, len);
	assert_int_equal(f.stream.fin, fin);
}

static void put_stream__what_fits(void **state)
{
	static const u32 lens[] = { 0, 1, 10, 61, 62, 63, 64, 65, 100, 16382, 16383, 16384, 17000 };
	static const u64 offs[] = { 0, 1, 1000, 1ull << 20, 1ull << 40 };
	unsigned int i, j, bits;
	size_t room;

	for (i = 0; i < ARRAY_SIZE(lens); i++)
		for (j = 0; j < ARRAY_SIZE(offs); j++)
			for (bits = 0; bits < 4; bits++)
				for (room = 0; room < 17100; room += room < 140 ||
				     (room > 16370 && room < 16420) ? 1 : 41)
					check_stream(room, lens[i], bits & 1, offs[j], bits & 2);
}

static void put_datagram__whole_or_not(void **state)
{
	u8 w[200], *end;
	struct quic_frame f;
	size_t used, room;

	assert_null(quic_frame_put_datagram(w, w + 100, 100));
	end = quic_frame_put_datagram(w, w + 103, 100);
	assert_ptr_equal(end, w + 3);
	assert_int_equal(parse(w, 103, &f, &used), 0);
	assert_int_equal(f.type, QUIC_FT_DATAGRAM_LEN);
	assert_int_equal(f.datagram.len, 100);
	assert_ptr_equal(quic_frame_put_datagram(w, w + 2, 0), w + 2);
	/* Without Length, where there is no room for it: the last byte is used. RFC 9221, 4 */
	for (room = 101; room <= 102; room++) {
		memset(w, 0xee, sizeof(w));
		end = quic_frame_put_datagram(w, w + room, 100);
		assert_ptr_equal(end, w + room - 100);
		if (room == 102)
			assert_int_equal(w[0], QUIC_FT_PADDING);
		assert_int_equal(end[-1], QUIC_FT_DATAGRAM);
	}
	assert_ptr_equal(quic_frame_put_datagram(w, w + 1, 0), w + 1);
	assert_int_equal(w[0], QUIC_FT_DATAGRAM);
	assert_null(quic_frame_put_datagram(w, w, 0));
	assert_null(quic_frame_put_datagram(w, w + 200, U32_MAX));
}

static void random__never_past_the_end(void **state)
{
	struct quic_frame f;
	u64 seed = 5;
	int i;

	for (i = 0; i < 300000; i++) {
		size_t n = rnd(&seed) % 40, j, used;
		u8 b[40], *copy;

		for (j = 0; j < n; j++)
			b[j] = rnd(&seed) >> (rnd(&seed) % 56 + 3);
		if (n)
			b[0] &= 0x3f;
		copy = exact(b, n);
		if (!parse(copy, n, &f, &used))
			assert_true(used && used <= n);
		free(copy);
	}
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
	TEST(new_cid__limits),
	TEST(crypto__beyond_the_last_offset),
	TEST(numbers__limits),
	TEST(token__empty),
	TEST(datagram__with_and_without_length),
	TEST(reset_at__reliable_within_final),
	TEST(ack_freq__four_numbers),
	TEST(random__never_past_the_end),
	TEST(allowed__table_3),
	TEST(eliciting__all_but_five),
	TEST(put_ack__same_ranges_back),
	TEST(put_ack__as_many_as_fit),
	TEST(put__each_parses_back),
	TEST(put_v1_v2__each_type),
	TEST(put_close__reason_is_cut),
	TEST(put_crypto__what_fits),
	TEST(put_stream__what_fits),
	TEST(put_datagram__whole_or_not),
};

TEST_MAIN(tests)
