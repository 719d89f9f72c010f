// SPDX-License-Identifier: GPL-2.0
/* Writers of frames: what they write parses back, and never runs over. */
#include "frame_help.h"

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
	TEST(put_ack__same_ranges_back),
	TEST(put_ack__as_many_as_fit),
	TEST(put__each_parses_back),
	TEST(put_v1_v2__each_type),
	TEST(put_close__reason_is_cut),
	TEST(put_crypto__what_fits),
	TEST(put_stream__what_fits),
	TEST(put_datagram__whole_or_not),
	TEST(random__never_past_the_end),
};

TEST_MAIN(tests)
