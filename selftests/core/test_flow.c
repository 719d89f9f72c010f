// SPDX-License-Identifier: GPL-2.0
/* Windows: when they move and when they grow. */
#include "test.h"
#include "flow.h"

#define MS(n)	((u64)(n) * NSEC_PER_MSEC)
#define SEC(n)	((u64)(n) * NSEC_PER_SEC)

static void flow__moves_at_a_quarter(void **state)
{
	struct quic_flow f;

	quic_flow_init(&f, 1000, 8000);
	assert_false(quic_flow_consume(&f, 249, MS(20), MS(1000)));
	assert_true(quic_flow_consume(&f, 1, MS(20), MS(1000)));
	assert_int_equal(quic_flow_grant(&f), 1250);
	assert_int_equal(f.window, 1000);
	assert_false(quic_flow_consume(&f, 100, MS(20), MS(2000)));
}

/* More than a quarter in a round trip: the window doubles, once in it, up to its maximum. */
static void flow__doubles(void **state)
{
	struct quic_flow f;
	u64 now = MS(1000);
	unsigned int i;

	quic_flow_init(&f, 1000, 6000);
	quic_flow_consume(&f, 500, MS(20), now);
	assert_int_equal(f.window, 1000);
	quic_flow_grant(&f);
	/* in many small reads, before the round trip is over */
	for (i = 0; i < 251; i++) {
		assert_int_equal(f.window, 1000);
		quic_flow_consume(&f, 1, MS(20), now + MS(5));
	}
	assert_int_equal(f.window, 2000);
	for (i = 0; i < 1000; i++)
		quic_flow_consume(&f, 1, MS(20), now + MS(6));
	assert_int_equal(f.window, 2000);
	quic_flow_grant(&f);
	assert_int_equal(f.limit, f.consumed + 2000);
	for (i = 0; i < 10; i++) {
		now += MS(20);
		quic_flow_consume(&f, 2000, MS(20), now);
		quic_flow_grant(&f);
	}
	assert_int_equal(f.window, 6000);
}

/* A sender in slow start, half a round trip away, that doubles each of them, is never held up. */
static void flow__ahead_of_slow_start(void **state)
{
	u64 now, credit[20] = {}, sent = 0, acked = 0, cwnd = 14000, rtt = MS(100), n;
	u64 pipe[20] = {};	/* bytes that left in each twentieth of a round trip */
	struct quic_flow f;
	unsigned int t, k = 0;

	quic_flow_init(&f, 256 << 10, 1 << 30);
	for (t = 0; t < ARRAY_SIZE(credit); t++)
		credit[t] = f.limit;

	for (now = SEC(1); sent < 1 << 29; now += rtt / 20, k++) {
		/* arrives half a round trip after it left, its ACK as much later */
		n = pipe[(k + 10) % 20];
		if (n && quic_flow_consume(&f, n, rtt, now))
			quic_flow_grant(&f);
		credit[k % 20] = f.limit;
		acked += pipe[k % 20];
		cwnd += pipe[k % 20];
		n = acked + cwnd - sent;
		assert_true(sent + n <= credit[(k + 10) % 20]);
		pipe[k % 20] = n;
		sent += n;
	}
	assert_true(f.window <= 16 * cwnd);
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
	TEST(flow__moves_at_a_quarter),
	TEST(flow__doubles),
	TEST(flow__ahead_of_slow_start),
	TEST(flow__slow_reader),
	TEST(flow__window_over_max),
};

TEST_MAIN(tests)
