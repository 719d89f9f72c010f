// SPDX-License-Identifier: GPL-2.0
/* Transport parameters: RFC 9000, 7.4 and 18.2; RFC 9221, 3; RFC 9287, 3; RFC 9368, 3 and 4 */
#include "test.h"
#include "tparam.h"

#define TOKEN	"000102030405060708090a0b0c0d0e0f"
#define MAX8	"ffffffffffffffff"	/* 2^62-1 */

static struct quic_tparams tp;

static int decode_as(bool server, const char *s)
{
	u8 buf[512], *copy;
	size_t n = hex(buf, sizeof(buf), s);
	int err;

	copy = exact(buf, n);
	memset(&tp, 0xee, sizeof(tp));
	err = quic_tparam_decode(&tp, server, copy, n);
	free(copy);
	return err;
}

#define ok(s)		assert_int_equal(decode_as(true, s), 0)
#define refused(s)	assert_int_equal(decode_as(true, s), -EPROTO)

static void defaults__of_absent(void **state)
{
	struct quic_tparams d;

	quic_tparam_defaults(&d);
	ok("");
	assert_memory_equal(&tp, &d, sizeof(d));
	assert_int_equal(tp.terms.max_idle_timeout, 0);
	assert_int_equal(tp.terms.max_udp_payload_size, 65527);
	assert_int_equal(tp.terms.max_data, 0);
	assert_int_equal(tp.terms.ack_delay_exponent, 3);
	assert_int_equal(tp.terms.max_ack_delay, 25 * NSEC_PER_MSEC);
	assert_int_equal(tp.terms.active_connection_id_limit, 2);
	assert_int_equal(tp.terms.max_datagram_frame_size, 0);
	assert_false(tp.has_initial_scid);
}

/* The ClientHello of RFC 9001, A.2 carries these. */
static void decode__rfc9001_a2(void **state)
{
	assert_int_equal(decode_as(false, "0408ffffffffffffffff 05048000ffff 07048000ffff 080110 "
				   "0104800075300901100f088394c8f03e51570806048000ffff"), 0);
	assert_int_equal(tp.terms.max_data, QUIC_VARINT_MAX);
	assert_int_equal(tp.terms.max_stream_data_bidi_local, 65535);
	assert_int_equal(tp.terms.max_stream_data_bidi_remote, 65535);
	assert_int_equal(tp.terms.max_stream_data_uni, 65535);
	assert_int_equal(tp.terms.max_streams_bidi, 16);
	assert_int_equal(tp.terms.max_streams_uni, 16);
	assert_int_equal(tp.terms.max_idle_timeout, 30000ull * NSEC_PER_MSEC);
	assert_true(tp.has_initial_scid);
	assert_int_equal(tp.initial_scid.len, 8);
}

static void decode__integers_legal_edges(void **state)
{
	ok("0308" MAX8);
	ok("030244b0");
	assert_int_equal(tp.terms.max_udp_payload_size, 1200);
	ok("0808d000000000000000");
	assert_int_equal(tp.terms.max_streams_bidi, 1ull << 60);
	ok("0908d000000000000000");
	ok("0a0114");
	assert_int_equal(tp.terms.ack_delay_exponent, 20);
	ok("0a0100");
	ok("0b027fff");
	assert_int_equal(tp.terms.max_ack_delay, 16383ULL * NSEC_PER_MSEC);
	ok("0b0100");
	assert_int_equal(tp.terms.max_ack_delay, 0);
	ok("0e0102");
	ok("0e08" MAX8);
	ok("2008" MAX8);
	ok("200100");
	ok("0108" MAX8);	/* longer than a lifetime, but no overflow */
	assert_true(tp.terms.max_idle_timeout > 3600ull * NSEC_PER_SEC);
	ok("0408c000000000000025");	/* a value need not be shortest */
	assert_int_equal(tp.terms.max_data, 37);
	ok("400401 25");		/* nor an id */
	assert_int_equal(tp.terms.max_data, 37);
}

static void decode__integers_illegal(void **state)
{
	refused("030244af");			/* 1199 */
	refused("030100");
	refused("0808d000000000000001");	/* RFC 9000, 4.6 */
	refused("0908d000000000000001");
	refused("0a0115");
	refused("0b0480004000");		/* 2^14 */
	refused("0b08" MAX8);
	refused("0e0101");
	refused("0e0100");
}

static void decode__length_and_value_disagree(void **state)
{
	static const u8 ids[] = { 0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
				  0x0e, 0x20 };
	unsigned int i;
	char s[64];

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		snprintf(s, sizeof(s), "%02x00", ids[i]);		/* empty */
		refused(s);
		snprintf(s, sizeof(s), "%02x020a00", ids[i]);		/* a byte too many */
		refused(s);
		snprintf(s, sizeof(s), "%02x0140", ids[i]);		/* a byte too few */
		refused(s);
		snprintf(s, sizeof(s), "%02x024a", ids[i]);		/* cut short */
		refused(s);
	}
	refused("04");
	refused("40");
	refused("0440");
	refused("04" MAX8);
	refused("1b" MAX8 "00");	/* also of one we do not know */
}

static void decode__duplicates(void **state)
{
	static const char *const each[] = {
		"0000", "010100", "0210" TOKEN, "030244b0", "040100", "050100", "060100", "070100",
		"080100", "090100", "0a0100", "0b0100", "0c00", "0e0102", "0f00", "1000",
		"110400000001", "200100", "6ab200", "8000baad00",
		"0d2a 7f000001 1151 00000000000000000000000000000001 1151 01 aa" TOKEN,
	};
	unsigned int i;
	char s[256];

	for (i = 0; i < ARRAY_SIZE(each); i++) {
		ok(each[i]);
		snprintf(s, sizeof(s), "%s%s", each[i], each[i]);
		refused(s);
		snprintf(s, sizeof(s), "%s1b0112%s", each[i], each[i]);
		refused(s);
	}
}

static void decode__server_only(void **state)
{
	static const char *const server[] = {
		"0000", "0210" TOKEN, "1000",
		"0d2a 7f000001 1151 00000000000000000000000000000001 1151 01 aa" TOKEN,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(server); i++) {
		ok(server[i]);
		assert_int_equal(decode_as(false, server[i]), -EPROTO);
	}
	assert_int_equal(decode_as(false, "0f00"), 0);
	assert_int_equal(decode_as(false, "0c00"), 0);
}

static void decode__connection_ids(void **state)
{
	static const u8 ids[] = { 0x00, 0x0f, 0x10 };
	unsigned int i;
	char s[64];

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		snprintf(s, sizeof(s), "%02x00", ids[i]);
		ok(s);
		snprintf(s, sizeof(s), "%02x14" TOKEN "aabbccdd", ids[i]);
		ok(s);
		snprintf(s, sizeof(s), "%02x15" TOKEN "aabbccddee", ids[i]);
		refused(s);
		snprintf(s, sizeof(s), "%02x14" TOKEN "aabbcc", ids[i]);
		refused(s);
	}
	ok("00021234 0f00 1001ff");
	assert_true(tp.has_original_dcid && tp.has_initial_scid && tp.has_retry_scid);
	assert_true(tp.original_dcid.len == 2 && tp.original_dcid.id[1] == 0x34);
	assert_int_equal(tp.initial_scid.len, 0);
	assert_int_equal(tp.retry_scid.id[0], 0xff);
}

static void decode__reset_token(void **state)
{
	ok("0210" TOKEN);
	assert_true(tp.terms.has_reset_token);
	assert_int_equal(tp.reset_token[15], 15);
	refused("0200");
	refused("020f000102030405060708090a0b0c0d0e");
	refused("0211" TOKEN "10");
}

#define ADDRS	"7f000001 1151 00000000000000000000000000000002 1152"

static void decode__preferred_address(void **state)
{
	ok("0d3d" ADDRS "14" TOKEN "aabbccdd" TOKEN);
	assert_true(tp.has_preferred);
	assert_int_equal(tp.preferred.port4, 0x1151);
	assert_int_equal(tp.preferred.port6, 0x1152);
	assert_int_equal(tp.preferred.v4[0], 127);
	assert_int_equal(tp.preferred.v6[15], 2);
	assert_int_equal(tp.preferred.cid.len, 20);
	assert_int_equal(tp.preferred.cid.id[19], 0xdd);
	assert_int_equal(tp.preferred.reset_token[15], 15);
	refused("0d29" ADDRS "00" TOKEN);			/* an empty ID */
	refused("0d3e" ADDRS "15" TOKEN "aabbccddee" TOKEN);	/* 21 bytes of ID */
	refused("0d2a" ADDRS "02aa" TOKEN);			/* length and ID disagree */
	refused("0d2b" ADDRS "01aabb" TOKEN);
	refused("0d18" ADDRS);
	refused("0d00");
}

static void decode__flags_are_empty(void **state)
{
	ok("0c00 6ab200 8000baad00");
	assert_true(tp.terms.disable_active_migration && tp.terms.grease_quic_bit &&
		    tp.terms.disable_1rtt_encryption);
	refused("0c0100");
	refused("6ab20100");		/* RFC 9287, 3 */
	refused("8000baad0100");
	ok("1d00");		/* draft-ietf-quic-reliable-stream-reset, 3 */
	assert_true(tp.terms.reset_stream_at);
	refused("1d0100");
	refused("1d001d00");
}

/* draft-ietf-quic-ack-frequency, 3: in us, at most max_ack_delay, which is in ms */
static void decode__min_ack_delay(void **state)
{
	ok("");
	assert_false(tp.terms.has_min_ack_delay);
	ok("c0000000ff04de1b 01 00");
	assert_true(tp.terms.has_min_ack_delay);
	assert_int_equal(tp.terms.min_ack_delay, 0);
	ok("c0000000ff04de1b 04 800061a8");		/* 25000 us, as the default of 25 ms */
	assert_int_equal(tp.terms.min_ack_delay, 25 * NSEC_PER_MSEC);
	refused("c0000000ff04de1b 04 800061a9");
	ok("0b011a c0000000ff04de1b 04 800061a9");	/* 26 ms, before it and after it */
	ok("c0000000ff04de1b 04 800061a9 0b011a");
	refused("c0000000ff04de1b 02 43e9 0b0101");	/* 1001 us of 1 ms */
	refused("c0000000ff04de1b 00");
	refused("c0000000ff04de1b 08 ffffffffffffffff");
	refused("c0000000ff04de1b 0100 c0000000ff04de1b 0100");
}

static void decode__version_information(void **state)
{
	ok("110c 00000001 6b3343cf 00000001");
	assert_int_equal(tp.version_chosen, QUIC_V1);
	assert_int_equal(tp.versions.n, 2);
	assert_int_equal(tp.versions.list[0], QUIC_V2);
	assert_true(tp.has_versions);
	/* nothing listed, and nothing we speak: not the same (RFC 9368, 4) */
	ok("1104 00000001");
	assert_false(tp.has_versions);
	ok("1108 00000001 00000002");
	assert_true(tp.has_versions && !tp.versions.n);
	refused("1100");
	refused("1103 000000");
	refused("1105 00000001 00");
	refused("1106 00000001 6b33");
	refused("1104 00000000");
	refused("1108 00000001 00000000");
	/* a client has to list what it chose, a server need not: RFC 9368, 4 */
	ok("1108 00000001 6b3343cf");
	assert_int_equal(decode_as(false, "1108 00000001 6b3343cf"), -EPROTO);
	assert_int_equal(decode_as(false, "1104 00000001"), -EPROTO);
	assert_int_equal(decode_as(false, "1108 00000001 00000001"), 0);
	/* many listed, the chosen one last: what we speak is kept once, all are checked */
	assert_int_equal(decode_as(false, "112c 00000001 0000000200000003000000040000000500000006 "
				   "000000076b3343cf6b3343cf 0000000a 00000001"), 0);
	assert_int_equal(tp.versions.n, 2);
	assert_int_equal(tp.versions.list[0], QUIC_V2);
	assert_int_equal(tp.versions.list[1], QUIC_V1);
	refused("112c 00000001 0000000200000003000000040000000500000006 "
		"000000070000000800000009 0000000a 00000000");
}

static void decode__unknown_is_skipped(void **state)
{
	ok("1b00 3a0412345678 040125 " MAX8 "0199 7fff00");
	assert_int_equal(tp.terms.max_data, 37);
	refused("1b02ff");
}

/* Everything set, and different. */
static void fill(struct quic_tparams *t)
{
	unsigned int i;

	quic_tparam_defaults(t);
	t->terms.max_idle_timeout = 30ULL * NSEC_PER_SEC;
	t->terms.max_udp_payload_size = 1500;
	t->terms.max_data = 1 << 20;
	t->terms.max_stream_data_bidi_local = 1 << 18;
	t->terms.max_stream_data_bidi_remote = 1 << 17;
	t->terms.max_stream_data_uni = 1 << 16;
	t->terms.max_streams_bidi = 100;
	t->terms.max_streams_uni = 3;
	t->terms.ack_delay_exponent = 10;
	t->terms.max_ack_delay = 7 * NSEC_PER_MSEC;
	t->terms.active_connection_id_limit = 8;
	t->terms.max_datagram_frame_size = 65535;
	quic_cid_set(&t->original_dcid, (u8 *)"12345678", 8);
	quic_cid_set(&t->initial_scid, (u8 *)"abcdefgh", 8);
	quic_cid_set(&t->retry_scid, (u8 *)"ABCDEFGHIJKLMNOPQRST", 20);
	t->has_original_dcid = true;
	t->has_initial_scid = true;
	t->has_retry_scid = true;
	t->terms.has_reset_token = true;
	t->has_preferred = true;
	for (i = 0; i < 16; i++) {
		t->reset_token[i] = i;
		t->preferred.v6[i] = 16 + i;
		t->preferred.reset_token[i] = 32 + i;
	}
	memcpy(t->preferred.v4, "\x7f\0\0\1", 4);
	t->preferred.port4 = 4433;
	t->preferred.port6 = 4434;
	quic_cid_set(&t->preferred.cid, (u8 *)"xyz", 3);
	t->version_chosen = QUIC_V1;
	quic_version_all(&t->versions, QUIC_V2);
	t->has_versions = true;
	t->terms.disable_active_migration = true;
	t->terms.grease_quic_bit = true;
	t->terms.disable_1rtt_encryption = true;
	t->terms.has_min_ack_delay = true;
	t->terms.min_ack_delay = 250 * NSEC_PER_USEC;
	t->terms.reset_stream_at = true;
}

static void encode__same_back(void **state)
{
	struct quic_tparams in;
	u8 buf[512];
	u64 seed = 9;
	int n, i;

	fill(&in);
	for (i = 0; i < 2000; i++) {
		n = quic_tparam_encode(&in, true, rnd(&seed), buf, sizeof(buf));
		assert_true(n > 0);
		memset(&tp, 0xee, sizeof(tp));
		assert_int_equal(quic_tparam_decode(&tp, true, buf, n), 0);
		assert_memory_equal(&in, &tp, sizeof(in));
		/* what only a server may say stays out of a client's */
		n = quic_tparam_encode(&in, false, rnd(&seed), buf, sizeof(buf));
		assert_int_equal(quic_tparam_decode(&tp, false, buf, n), 0);
		assert_false(tp.has_original_dcid || tp.has_retry_scid || tp.terms.has_reset_token ||
			     tp.has_preferred);
		assert_int_equal(tp.terms.max_datagram_frame_size, 65535);
	}
}

static void encode__defaults_are_left_out(void **state)
{
	struct quic_tparams in;
	u8 buf[64];

	quic_tparam_defaults(&in);
	assert_int_equal(quic_tparam_encode(&in, true, 0, buf, sizeof(buf)), 2);
	assert_int_equal(buf[0], 27);	/* only the reserved one, RFC 9000, 18.1 */
	assert_int_equal(buf[1], 0);
}

static void encode__part_of_a_millisecond(void **state)
{
	struct quic_tparams in;
	u8 buf[64];
	int n;

	quic_tparam_defaults(&in);
	in.terms.max_idle_timeout = 1;	/* must not turn into "none" */
	in.terms.max_ack_delay = 3 * NSEC_PER_MSEC + 1;
	n = quic_tparam_encode(&in, true, 0, buf, sizeof(buf));
	assert_int_equal(quic_tparam_decode(&tp, true, buf, n), 0);
	assert_int_equal(tp.terms.max_idle_timeout, NSEC_PER_MSEC);
	assert_int_equal(tp.terms.max_ack_delay, 4 * NSEC_PER_MSEC);
}

static void encode__never_past_the_end(void **state)
{
	struct quic_tparams in;
	u8 buf[512];
	int n, cap;

	fill(&in);
	n = quic_tparam_encode(&in, true, 0xffffffff, buf, sizeof(buf));
	for (cap = 0; cap < n; cap++) {
		u8 *small = exact(buf, cap);

		assert_int_equal(quic_tparam_encode(&in, true, 0xffffffff, small, cap), -EMSGSIZE);
		free(small);
	}
	assert_int_equal(quic_tparam_encode(&in, true, 0xffffffff, buf, n), n);
}

static void encode__reserved_id(void **state)
{
	struct quic_tparams in;
	u64 seed = 4, id;
	u8 buf[64];
	int i, n;

	quic_tparam_defaults(&in);
	for (i = 0; i < 1000; i++) {
		const u8 *p = buf;

		n = quic_tparam_encode(&in, false, rnd(&seed), buf, sizeof(buf));
		assert_true(quic_varint_get(&p, buf + n, &id));
		assert_int_equal(id % 31, 27);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(defaults__of_absent),
	TEST(encode__same_back),
	TEST(encode__defaults_are_left_out),
	TEST(encode__part_of_a_millisecond),
	TEST(encode__never_past_the_end),
	TEST(encode__reserved_id),
	TEST(decode__rfc9001_a2),
	TEST(decode__integers_legal_edges),
	TEST(decode__integers_illegal),
	TEST(decode__length_and_value_disagree),
	TEST(decode__connection_ids),
	TEST(decode__reset_token),
	TEST(decode__preferred_address),
	TEST(decode__version_information),
	TEST(decode__flags_are_empty),
	TEST(decode__min_ack_delay),
	TEST(decode__server_only),
	TEST(decode__unknown_is_skipped),
	TEST(decode__duplicates),
};

TEST_MAIN(tests)
