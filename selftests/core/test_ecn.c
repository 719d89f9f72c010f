// SPDX-License-Identifier: GPL-2.0
/* RFC 9000, 13.4.2: marks while a path is tested, what ends them. test_loss.c has the counts. */
#include "test.h"
#include "ecn.h"

static void send_marked(struct quic_ecn *e, struct quic_ecn_counts *n, unsigned int packets)
{
	while (packets--) {
		assert_true(quic_ecn_mark(e));
		quic_ecn_sent(e, n);
	}
}

static bool ack(struct quic_ecn *e, struct quic_ecn_counts *n, u64 ect0, u64 ce, u32 ect)
{
	struct quic_frame_ack a = { .ecn = true, .ect0 = ect0, .ce = ce };

	return quic_ecn_acked(e, n, &a, ect);
}

/* A.4: ten packets, then silence until something is known of them. */
static void ecn__tests_first(void **state)
{
	struct quic_ecn_counts n = {};
	struct quic_ecn e = {};

	send_marked(&e, &n, 10);
	assert_false(quic_ecn_mark(&e));
	assert_false(ack(&e, &n, 2, 0, 2));
	assert_int_equal(e.state, QUIC_ECN_CAPABLE);
	send_marked(&e, &n, 100);
	assert_true(ack(&e, &n, 50, 10, 58));
	assert_false(ack(&e, &n, 60, 10, 10));
	assert_true(quic_ecn_mark(&e));
}

/* 13.4.2: a path that drops what is marked */
static void ecn__all_lost(void **state)
{
	struct quic_ecn_counts n = {};
	struct quic_ecn e = {};
	unsigned int i;

	send_marked(&e, &n, 10);
	for (i = 0; i < 9; i++)
		quic_ecn_lost(&e);
	assert_int_equal(e.state, QUIC_ECN_UNKNOWN);
	quic_ecn_lost(&e);
	assert_int_equal(e.state, QUIC_ECN_FAILED);
	assert_false(quic_ecn_mark(&e));
}

/* A.4: the test ends with the second PTO; that its packets are lost is known much later. */
static void ecn__pto(void **state)
{
	struct quic_ecn_counts n = {};
	struct quic_ecn e = {};

	send_marked(&e, &n, 1);
	quic_ecn_pto(&e);
	send_marked(&e, &n, 2);
	quic_ecn_pto(&e);
	assert_false(quic_ecn_mark(&e));
	quic_ecn_lost(&e);
	quic_ecn_lost(&e);
	assert_int_equal(e.state, QUIC_ECN_UNKNOWN);
	quic_ecn_lost(&e);
	assert_int_equal(e.state, QUIC_ECN_FAILED);
}

/* Losses after the test are losses. */
static void ecn__capable_stays(void **state)
{
	struct quic_ecn_counts n = {};
	struct quic_ecn e = {};
	unsigned int i;

	send_marked(&e, &n, 3);
	ack(&e, &n, 1, 0, 1);
	for (i = 0; i < 100; i++)
		quic_ecn_lost(&e);
	assert_true(quic_ecn_mark(&e));
}

/* 13.4.2.1: a path that clears the marks, a peer that reports none */
static void ecn__bleached(void **state)
{
	struct quic_ecn_counts n = {};
	struct quic_ecn e = {};
	struct quic_frame_ack plain = {};

	send_marked(&e, &n, 5);
	assert_false(ack(&e, &n, 1, 0, 3));
	assert_int_equal(e.state, QUIC_ECN_FAILED);
	memset(&e, 0, sizeof(e));
	memset(&n, 0, sizeof(n));
	send_marked(&e, &n, 5);
	assert_false(quic_ecn_acked(&e, &n, &plain, 1));
	assert_int_equal(e.state, QUIC_ECN_FAILED);
	/* and it is over for good */
	assert_false(ack(&e, &n, 5, 0, 4));
	assert_false(quic_ecn_mark(&e));
}

static const struct CMUnitTest tests[] = {
	TEST(ecn__tests_first),
	TEST(ecn__all_lost),
	TEST(ecn__pto),
	TEST(ecn__capable_stays),
	TEST(ecn__bleached),
};

TEST_MAIN(tests)
