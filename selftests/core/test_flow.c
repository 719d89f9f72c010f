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

/* More than an eighth in a round trip: the window doubles, once in it, up to its maximum. */
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
	for (i = 0; i < 126; i++) {
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

/*
 * A sender half a round trip away that doubles each of them is never held up; @hold twentieths of
 * a round trip what arrives cannot be read, from @from on: a packet was lost.
 */
static void slow_start(unsigned int from, unsigned int hold)
{
	u64 sent = 0, acked = 0, cwnd = 14000, rtt = MS(100), now = SEC(1), held = 0, n;
	u64 credit[20], pipe[20] = {};	/* each twentieth of a round trip */
	struct quic_flow f;
	unsigned int k;

	quic_flow_init(&f, 256 << 10, 1 << 30);
	for (k = 0; k < ARRAY_SIZE(credit); k++)
		credit[k] = f.limit;
	for (k = 0; sent < 1 << 28; now += rtt / 20, k++) {
		/* arrives half a round trip after it left, its ACK as much later */
		held += pipe[(k + 10) % 20];
		if (k < from || k >= from + hold) {
			if (held && quic_flow_consume(&f, held, rtt, now))
				quic_flow_grant(&f);
			held = 0;
		}
		credit[k % 20] = f.limit;
		acked += pipe[k % 20];
		cwnd += pipe[k % 20];
		n = acked + cwnd - sent;
		assert_true(sent + n <= credit[(k + 10) % 20]);
		pipe[k % 20] = n;
		sent += n;
	}
	assert_true(f.window <= 32 * cwnd);
}

static void flow__ahead_of_slow_start(void **state)
{
	unsigned int k;

	slow_start(0, 0);
	for (k = 40; k < 200; k++)
		slow_start(k, 20);
}

static void flow__slow_reader(void **state)
{
	struct quic_flow f;
	u64 now = MS(1000);
	unsigned int i;

	quic_flow_init(&f, 1000, 8000);
	for (i = 0; i < 20; i++, now += MS(80)) {
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
