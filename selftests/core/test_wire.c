// SPDX-License-Identifier: GPL-2.0
/* Variable-length integers: RFC 9000, 16 and A.1 */
#include "test.h"
#include "wire.h"

static void varint__rfc9000_a1(void **state)
{
	static const struct { const char *hex; u64 v; bool shortest; } t[] = {
		{ "c2197c5eff14e88c", 151288809941952652ull, true },
		{ "9d7f3e7d", 494878333, true },
		{ "7bbd", 15293, true },
		{ "25", 37, true },
		{ "4025", 37, false },
	};
	u8 in[8], out[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		size_t n = hex(in, sizeof(in), t[i].hex);
		const u8 *p = in;
		u64 v;

		assert_true(quic_varint_get(&p, in + n, &v));
		assert_int_equal(v, t[i].v);
		assert_ptr_equal(p, in + n);
		if (!t[i].shortest)
			continue;
		assert_int_equal(quic_varint_len(v), n);
		assert_ptr_equal(quic_varint_put(out, v), out + n);
		assert_memory_equal(in, out, n);
	}
}

static void varint__bounds_of_each_length(void **state)
{
	static const struct { u64 v; unsigned int len; } t[] = {
		{ 0, 1 }, { 63, 1 }, { 64, 2 }, { 16383, 2 }, { 16384, 4 },
		{ (1ull << 30) - 1, 4 }, { 1ull << 30, 8 }, { QUIC_VARINT_MAX, 8 },
	};
	u8 buf[8];
	unsigned int i;
	u64 v;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		const u8 *p = buf;

		assert_int_equal(quic_varint_len(t[i].v), t[i].len);
		assert_ptr_equal(quic_varint_put(buf, t[i].v), buf + t[i].len);
		assert_true(quic_varint_get(&p, buf + t[i].len, &v));
		assert_int_equal(v, t[i].v);
		assert_ptr_equal(p, buf + t[i].len);
	}
}

static void varint__cut_short(void **state)
{
	static const u8 first[] = { 0x25, 0x7b, 0x9d, 0xc2 };
	unsigned int i, n;

	for (i = 0; i < 4; i++) {
		for (n = 0; n < 1u << i; n++) {
			u8 full[8] = { first[i] };
			u8 *buf = exact(full, n);
			const u8 *p = buf;
			u64 v = 99;

			assert_false(quic_varint_get(&p, buf + n, &v));
			assert_ptr_equal(p, buf);
			assert_int_equal(v, 99);
			free(buf);
		}
	}
}

static void varint__two_byte_placeholder(void **state)
{
	u8 buf[2];
	const u8 *p = buf;
	u64 v;

	assert_ptr_equal(quic_varint_put2(buf, 37), buf + 2);
	assert_int_equal(get_unaligned_be16(buf), 0x4025);
	assert_true(quic_varint_get(&p, buf + 2, &v));
	assert_int_equal(v, 37);
}

static void level__early_data_shares_the_space(void **state)
{
	assert_int_equal(quic_level_pns(QUIC_LEVEL_EARLY), QUIC_PNS_APP);
	assert_int_equal(quic_level_pns(QUIC_LEVEL_APP), QUIC_PNS_APP);
	assert_int_equal(quic_level_pns(QUIC_LEVEL_INITIAL), QUIC_PNS_INITIAL);
	assert_int_equal(quic_level_pns(QUIC_LEVEL_HANDSHAKE), QUIC_PNS_HANDSHAKE);
}

static const struct CMUnitTest tests[] = {
	TEST(level__early_data_shares_the_space),
	TEST(varint__rfc9000_a1),
	TEST(varint__bounds_of_each_length),
	TEST(varint__two_byte_placeholder),
	TEST(varint__cut_short),
};

TEST_MAIN(tests)
