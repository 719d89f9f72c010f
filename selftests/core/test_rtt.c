// SPDX-License-Identifier: GPL-2.0
/* rtt.c: the numbers of RFC 9002, 5, by hand. */
#include "test.h"
#include "rtt.h"

#define MS(n)	((u64)(n) * NSEC_PER_MSEC)

static void rtt__initial(void **state)
{
	struct quic_rtt r;

	quic_rtt_init(&r, 0);
	assert_int_equal(r.smoothed, MS(333));
	assert_int_equal(r.var, MS(333) / 2);
	/* 333 + 4 * 166.5: about the second RFC 9002, 6.2.2 speaks of */
	assert_int_equal(quic_rtt_pto(&r), MS(999));
	quic_rtt_init(&r, MS(50));
	assert_int_equal(quic_rtt_pto(&r), MS(150));
}

static void rtt__first_sample_replaces(void **state)
{
	struct quic_rtt r;

	quic_rtt_init(&r, 0);
	quic_rtt_update(&r, MS(100), MS(40), MS(1));
	assert_int_equal(r.latest, MS(100));
	assert_int_equal(r.min, MS(100));
	assert_int_equal(r.smoothed, MS(100));
	assert_int_equal(r.var, MS(50));
	assert_int_equal(r.first_sample_at, MS(1));
	assert_int_equal(quic_rtt_pto(&r), MS(300));
}

static void rtt__second_sample(void **state)
{
	struct quic_rtt r;

	quic_rtt_init(&r, 0);
	quic_rtt_update(&r, MS(100), 0, MS(1));
	quic_rtt_update(&r, MS(180), MS(20), MS(2));
	/* adjusted 160: var 3/4 * 50 + 1/4 * 60, smoothed 7/8 * 100 + 1/8 * 160 */
	assert_int_equal(r.var, MS(52) + MS(1) / 2);
	assert_int_equal(r.smoothed, MS(107) + MS(1) / 2);
	assert_int_equal(r.min, MS(100));
	assert_int_equal(r.first_sample_at, MS(1));
}

static void rtt__delay_never_below_min(void **state)
{
	struct quic_rtt r;

	quic_rtt_init(&r, 0);
	quic_rtt_update(&r, MS(100), 0, MS(1));
	/* 110 - 20 would be below the minimum: the delay does not count */
	quic_rtt_update(&r, MS(110), MS(20), MS(2));
	assert_int_equal(r.smoothed, (7 * MS(100) + MS(110)) / 8);
	/* exactly the minimum is allowed */
	quic_rtt_init(&r, 0);
	quic_rtt_update(&r, MS(100), 0, MS(1));
	quic_rtt_update(&r, MS(110), MS(10), MS(2));
	assert_int_equal(r.smoothed, MS(100));
	/* a lie of 2^62 ns does no harm */
	quic_rtt_update(&r, MS(110), 1ull << 62, MS(3));
	assert_int_equal(r.smoothed, (7 * MS(100) + MS(110)) / 8);
}

static void rtt__min_ignores_delay(void **state)
{
	struct quic_rtt r;

	quic_rtt_init(&r, 0);
	quic_rtt_update(&r, MS(100), 0, MS(1));
	quic_rtt_update(&r, MS(80), MS(30), MS(2));
	assert_int_equal(r.min, MS(80));
	assert_int_equal(r.smoothed, (7 * MS(100) + MS(80)) / 8);
}

static void rtt__granularity(void **state)
{
	struct quic_rtt r;
	unsigned int i;

	quic_rtt_init(&r, 0);
	for (i = 0; i < 200; i++)
		quic_rtt_update(&r, 20000, 0, MS(1 + i));
	assert_int_equal(r.smoothed, 20000);
	assert_true(4 * r.var < MS(1));
	assert_int_equal(quic_rtt_pto(&r), 20000 + MS(1));
	quic_rtt_update(&r, 0, 0, MS(300));
	assert_int_equal(r.latest, 1);
}

static const struct CMUnitTest tests[] = {
	TEST(rtt__initial),
	TEST(rtt__first_sample_replaces),
	TEST(rtt__second_sample),
	TEST(rtt__delay_never_below_min),
	TEST(rtt__min_ignores_delay),
	TEST(rtt__granularity),
};

TEST_MAIN(tests)
