// SPDX-License-Identifier: GPL-2.0
/* Windows: when they move and when they grow. */
#include "test.h"
#include "flow.h"

#define MS(n)	((u64)(n) * NSEC_PER_MSEC)

static void flow__moves_at_half(void **state)
{
	struct quic_flow f;

	quic_flow_init(&f, 1000, 8000);
	assert_false(quic_flow_consume(&f, 499, MS(20), MS(1000)));
	assert_true(quic_flow_consume(&f, 1, MS(20), MS(1000)));
	assert_int_equal(quic_flow_grant(&f), 1500);
	assert_int_equal(f.window, 1000);
	assert_false(quic_flow_consume(&f, 100, MS(20), MS(2000)));
}

/* Twice as fast as two round trips: the window doubles, once a move, up to its maximum. */
static void flow__doubles(void **state)
{
	struct quic_flow f;
	u64 now = MS(1000);
	unsigned int i;

	quic_flow_init(&f, 1000, 6000);
	assert_true(quic_flow_consume(&f, 500, MS(20), now));
	/* Many small reads before the frame leaves count once. */
	for (i = 0; i < 100; i++)
		assert_true(quic_flow_consume(&f, 1, MS(20), now));
	assert_int_equal(f.window, 1000);
	quic_flow_grant(&f);
	assert_true(quic_flow_consume(&f, 500, MS(20), now + MS(39)));
	assert_int_equal(f.window, 2000);
	for (i = 0; i < 100; i++)
		quic_flow_consume(&f, 1, MS(20), now + MS(39));
	assert_int_equal(f.window, 2000);
	quic_flow_grant(&f);
	assert_int_equal(f.limit, f.consumed + 2000);
	for (i = 0; i < 10; i++) {
		now += MS(40);
		while (!quic_flow_consume(&f, 100, MS(200), now))
			;
		quic_flow_grant(&f);
	}
	assert_int_equal(f.window, 6000);
}

static void flow__slow_reader(void **state)
{
	struct quic_flow f;
	u64 now = MS(1000);
	unsigned int i;

	quic_flow_init(&f, 1000, 8000);
	for (i = 0; i < 20; i++, now += MS(40)) {
		assert_true(quic_flow_consume(&f, 500, MS(20), now));
		quic_flow_grant(&f);
	}
	assert_int_equal(f.window, 1000);
}

static void flow__window_over_max(void **state)
{
	struct quic_flow f;

	quic_flow_init(&f, 1000, 10);
	assert_int_equal(f.window_max, 1000);
	quic_flow_consume(&f, 500, MS(20), MS(1));
	quic_flow_grant(&f);
	quic_flow_consume(&f, 500, MS(20), MS(2));
	assert_int_equal(f.window, 1000);
}

static const struct CMUnitTest tests[] = {
	TEST(flow__moves_at_half),
	TEST(flow__doubles),
	TEST(flow__slow_reader),
	TEST(flow__window_over_max),
};

TEST_MAIN(tests)
