// SPDX-License-Identifier: GPL-2.0
/* NewReno, CUBIC and HyStart++ against numbers worked out from their RFCs. */
#include "test.h"
#include "cc.h"

#define MS(n)	((u64)(n) * NSEC_PER_MSEC)
#define MSS	1200
#define SEGS(n)	((u64)(n) * MSS)

static struct quic_rtt rtt_of(u64 ns)
{
	struct quic_rtt r;

	quic_rtt_init(&r, 0);
	quic_rtt_update(&r, ns, 0, 1);
	return r;
}

static void ack(struct quic_cc *cc, u64 bytes, u64 sent, u64 rtt, u64 now)
{
	struct quic_cc_ack a = { .bytes = bytes, .largest_time = sent, .in_flight = cc->cwnd };
	struct quic_rtt r = rtt_of(rtt);

	cc->ops->on_ack(cc, &a, &r, now);
}

/* One full window acknowledged in @n ACKs spread over a round trip. Return: the new time */
static u64 round_trip(struct quic_cc *cc, unsigned int n, u64 rtt, u64 now)
{
	u64 cwnd = cc->cwnd;
	unsigned int i;

	for (i = 0; i < n; i++) {
		now += rtt / n;
		ack(cc, cwnd / n, now - rtt, rtt, now);
	}
	return now;
}

static void cc__find(void **state)
{
	assert_ptr_equal(quic_cc_find("newreno"), &quic_cc_newreno);
	assert_ptr_equal(quic_cc_find("cubic"), &quic_cc_cubic);
	assert_null(quic_cc_find("bbr3"));
	assert_null(quic_cc_find(""));
	assert_ptr_equal(quic_cc_find_id(0), &quic_cc_newreno);
	assert_ptr_equal(quic_cc_find_id(1), &quic_cc_cubic);
	assert_null(quic_cc_find_id(2));
}

/* RFC 9002, 7.2 */
static void cc__initial_window(void **state)
{
	static const u64 want[][2] = {
		{ 1200, 12000 }, { 1472, 14720 }, { 1500, 14720 }, { 9000, 18000 },
		{ 32736, 65472 },
	};
	struct quic_cc cc;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		quic_cc_init(&cc, &quic_cc_cubic, want[i][0]);
		assert_int_equal(cc.cwnd, want[i][1]);
		assert_true(cc.ssthresh == U64_MAX && quic_cc_slow_start(&cc));
	}
}

static void cc__set_mss(void **state)
{
	struct quic_cc cc;

	quic_cc_init(&cc, &quic_cc_newreno, 1200);
	quic_cc_set_mss(&cc, 1452);
	assert_int_equal(cc.cwnd, 14520);
	ack(&cc, 1000, 1, MS(10), MS(20));
	quic_cc_set_mss(&cc, 1200);
	assert_int_equal(cc.cwnd, 15520);
	quic_cc_set_mss(&cc, 1452);
	assert_int_equal(cc.cwnd, 18040);
	quic_cc_set_mss(&cc, 30000);
	assert_int_equal(cc.cwnd, 18040 - 14520 + 60000);
	/* Once there was a loss it says nothing of the window. */
	cc.ops->on_congestion(&cc, MS(20), MS(30));
	assert_int_equal(cc.cwnd, 60000);
	quic_cc_set_mss(&cc, 1200);
	quic_cc_set_mss(&cc, 1452);
	assert_int_equal(cc.cwnd, 60000);
}

static void cc__rate(void **state)
{
	struct quic_rtt r = rtt_of(MS(100));
	struct quic_cc cc;

	quic_cc_init(&cc, &quic_cc_newreno, MSS);
	assert_int_equal(quic_cc_rate(&cc, &r), 240000);
	cc.ops->on_congestion(&cc, MS(1), MS(2));
	assert_int_equal(quic_cc_rate(&cc, &r), 75000);
	cc.cwnd = QUIC_CC_CWND_MAX;
	r = rtt_of(1);
	assert_int_equal(quic_cc_rate(&cc, &r), QUIC_CC_CWND_MAX * NSEC_PER_SEC / 4 * 5);
	r = rtt_of(3600ull * NSEC_PER_SEC);
	cc.cwnd = 2400;
	assert_int_equal(quic_cc_rate(&cc, &r), 1);
}

static void newreno__slow_start(void **state)
{
	struct quic_cc cc;

	quic_cc_init(&cc, &quic_cc_newreno, MSS);
	ack(&cc, 2400, MS(1), MS(10), MS(11));
	assert_int_equal(cc.cwnd, 14400);
}

static void newreno__reduce_once_a_round(void **state)
{
	struct quic_cc cc;

	quic_cc_init(&cc, &quic_cc_newreno, MSS);
	cc.ops->on_congestion(&cc, MS(5), MS(20));
	assert_int_equal(cc.cwnd, 6000);
	assert_int_equal(cc.ssthresh, 6000);
	assert_int_equal(cc.recovery_start, MS(20));
	/* sent before the reduction: no further one, and no growth */
	cc.ops->on_congestion(&cc, MS(20), MS(25));
	ack(&cc, 2400, MS(20), MS(10), MS(30));
	assert_int_equal(cc.cwnd, 6000);
	cc.ops->on_congestion(&cc, MS(21), MS(31));
	assert_int_equal(cc.cwnd, 3000);
	cc.ops->on_congestion(&cc, MS(32), MS(41));
	assert_int_equal(cc.cwnd, 2400);
	assert_int_equal(cc.ssthresh, 2400);
}

static void newreno__avoidance(void **state)
{
	struct quic_cc cc;
	u64 now = MS(30);
	unsigned int i;

	quic_cc_init(&cc, &quic_cc_newreno, MSS);
	cc.ops->on_congestion(&cc, MS(5), MS(20));
	ack(&cc, 5999, MS(21), MS(10), now);
	assert_int_equal(cc.cwnd, 6000);
	ack(&cc, 1, MS(21), MS(10), now);
	assert_int_equal(cc.cwnd, 7200);
	/* one datagram a round trip */
	for (i = 0; i < 10; i++)
		now = round_trip(&cc, 4, MS(10), now);
	assert_in_range(cc.cwnd, 7200 + SEGS(9), 7200 + SEGS(10));
}

static void newreno__app_limited(void **state)
{
	struct quic_cc_ack a = { .bytes = 2400, .largest_time = MS(1), .app_limited = true };
	struct quic_rtt r = rtt_of(MS(10));
	struct quic_cc cc;

	quic_cc_init(&cc, &quic_cc_newreno, MSS);
	cc.ops->on_ack(&cc, &a, &r, MS(11));
	assert_int_equal(cc.cwnd, 12000);
}

static void both__persistent(void **state)
{
	static const char *const names[] = { "newreno", "cubic" };
	struct quic_cc cc;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		quic_cc_init(&cc, quic_cc_find(names[i]), MSS);
		cc.cwnd = SEGS(100);
		cc.ops->on_congestion(&cc, MS(5), MS(20));
		cc.ops->on_persistent(&cc);
		assert_int_equal(cc.cwnd, SEGS(2));
		assert_int_equal(cc.recovery_start, 0);
		assert_true(quic_cc_slow_start(&cc));
		cc.ops->undo(&cc);
		assert_int_equal(cc.cwnd, SEGS(2));
		/* slow start to ssthresh, then a datagram a round or less */
		ack(&cc, SEGS(2), MS(21), MS(10), MS(31));
		assert_int_equal(cc.cwnd, SEGS(4));
	}
}

static void both__undo(void **state)
{
	static const char *const names[] = { "newreno", "cubic" };
	struct quic_cc cc;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		quic_cc_init(&cc, quic_cc_find(names[i]), MSS);
		cc.ops->undo(&cc);
		assert_int_equal(cc.cwnd, SEGS(10));
		cc.ops->on_congestion(&cc, MS(5), MS(20));
		assert_true(cc.cwnd < SEGS(10));
		cc.ops->undo(&cc);
		assert_int_equal(cc.cwnd, SEGS(10));
		assert_true(cc.ssthresh == U64_MAX);
		assert_int_equal(cc.recovery_start, 0);
		cc.ops->on_congestion(&cc, MS(6), MS(22));
		cc.ops->on_congestion(&cc, MS(23), MS(30));
		cc.ops->undo(&cc);
		assert_int_equal(cc.recovery_start, MS(22));
		assert_true(cc.cwnd < SEGS(10) && cc.cwnd == cc.ssthresh);
	}
}

static void cubic__multiplicative_decrease(void **state)
{
	struct quic_cc cc;

	quic_cc_init(&cc, &quic_cc_cubic, MSS);
	cc.cwnd = SEGS(100);
	cc.ops->on_congestion(&cc, MS(5), MS(20));
	assert_int_equal(cc.cwnd, SEGS(70));
	assert_int_equal(cc.ssthresh, SEGS(70));
	cc.ops->on_congestion(&cc, MS(20), MS(21));
	assert_int_equal(cc.cwnd, SEGS(70));
	cc.cwnd = SEGS(2);
	cc.ops->on_congestion(&cc, MS(21), MS(22));
	assert_int_equal(cc.cwnd, SEGS(2));
}

/* RFC 9438, 4.2: K = cbrt(30 / 0.4) = 4.217 s; W(K) = 100, W(2K) = 130 */
static void cubic__curve(void **state)
{
	u64 now = MS(1000), epoch, at_k = 0, prev;
	struct quic_cc cc;

	quic_cc_init(&cc, &quic_cc_cubic, MSS);
	cc.cwnd = SEGS(100);
	cc.ops->on_congestion(&cc, MS(5), now);
	now += MS(100);
	ack(&cc, MSS, now - MS(50), MS(100), now);
	epoch = now;
	while (now < epoch + MS(8434)) {
		prev = cc.cwnd;
		now = round_trip(&cc, 20, MS(100), now);
		assert_true(cc.cwnd >= prev);
		if (!at_k && now >= epoch + MS(4217))
			at_k = cc.cwnd;
	}
	assert_in_range(at_k, SEGS(98), SEGS(101));
	assert_in_range(cc.cwnd, SEGS(127), SEGS(134));
}

/* RFC 9438, 4.7: the plateau is 0.85 of a window that did not reach the last one */
static void cubic__fast_convergence(void **state)
{
	u64 now = MS(1000), epoch;
	struct quic_cc cc;

	quic_cc_init(&cc, &quic_cc_cubic, MSS);
	cc.cwnd = SEGS(400);
	cc.ops->on_congestion(&cc, MS(5), now);
	assert_int_equal(cc.cwnd, SEGS(280));
	cc.ops->on_congestion(&cc, now + 1, now + MS(100));
	/* 196 left, plateau 238: K = cbrt(42 / 0.4) = 4.718 s */
	assert_int_equal(cc.cwnd, SEGS(196));
	now += MS(200);
	ack(&cc, MSS, now - MS(50), MS(100), now);
	epoch = now;
	while (now < epoch + MS(4718))
		now = round_trip(&cc, 20, MS(100), now);
	assert_in_range(cc.cwnd, SEGS(235), SEGS(240));
}

/*
 * RFC 9438, 4.3: at 2 ms the curve is flatter than Reno. From 70 to 100 datagrams
 * at 9/17 a round trip takes 57 rounds, then it is one a round.
 */
static void cubic__reno_friendly(void **state)
{
	u64 now = MS(1000);
	struct quic_cc cc;
	unsigned int i;

	quic_cc_init(&cc, &quic_cc_cubic, MSS);
	cc.cwnd = SEGS(100);
	cc.ops->on_congestion(&cc, MS(5), now);
	now += MS(2);
	ack(&cc, MSS, now - MS(1), MS(2), now);
	for (i = 0; i < 57; i++)
		now = round_trip(&cc, 10, MS(2), now);
	assert_in_range(cc.cwnd, SEGS(98), SEGS(101));
	for (i = 0; i < 50; i++)
		now = round_trip(&cc, 10, MS(2), now);
	assert_in_range(cc.cwnd, SEGS(146), SEGS(152));
}

static void limited_ack(struct quic_cc *cc, u64 now)
{
	struct quic_cc_ack a = { .bytes = MSS, .largest_time = now - MS(50),
				 .app_limited = true };
	struct quic_rtt r = rtt_of(MS(100));

	cc->ops->on_ack(cc, &a, &r, now);
}

/* RFC 9438, 5.8: idle and app-limited time is not time on the curve */
static void cubic__idle_does_not_count(void **state)
{
	struct quic_cc cc, busy;
	u64 now = MS(1000), then;
	unsigned int i;

	quic_cc_init(&cc, &quic_cc_cubic, MSS);
	cc.cwnd = SEGS(100);
	cc.ops->on_congestion(&cc, MS(5), now);
	for (i = 0; i < 20; i++)
		now = round_trip(&cc, 10, MS(100), now);
	busy = cc;
	then = now;
	for (i = 0; i < 5; i++)
		then = round_trip(&busy, 10, MS(100), then);

	/* app-limited for 100 s */
	limited_ack(&cc, now + 1);
	now += 100ull * NSEC_PER_SEC;
	limited_ack(&cc, now);
	for (i = 0; i < 5; i++)
		now = round_trip(&cc, 10, MS(100), now);
	assert_in_range(cc.cwnd, busy.cwnd - MSS, busy.cwnd);

	/* nothing in flight for 100 s, without any app-limited ACK */
	now += 100ull * NSEC_PER_SEC;
	cc.ops->on_sent(&cc, MSS, 0, now);
	for (i = 0; i < 5; i++) {
		now = round_trip(&cc, 10, MS(100), now);
		then = round_trip(&busy, 10, MS(100), then);
	}
	assert_in_range(cc.cwnd, busy.cwnd - 2 * MSS, busy.cwnd + MSS);
}

/* RFC 9438, 4.2: never faster than half a window a round trip */
static void cubic__growth_is_bounded(void **state)
{
	u64 now = MS(1000), cwnd;
	struct quic_cc cc;

	quic_cc_init(&cc, &quic_cc_cubic, MSS);
	cc.ops->on_congestion(&cc, MS(5), now);
	now += MS(200);
	ack(&cc, MSS, now - MS(1), MS(100), now);
	now += 50ull * NSEC_PER_SEC;		/* far out on the curve */
	for (cwnd = cc.cwnd; cwnd < QUIC_CC_CWND_MAX / 2; cwnd = cc.cwnd) {
		now = round_trip(&cc, 10, MS(100), now);
		assert_true(cc.cwnd > cwnd);
		assert_true(cc.cwnd <= cwnd * 17 / 10);	/* 1.05^10 */
	}
}

/* RFC 9406, 4.2: 4 ms above a minimum of 20 ms, seen 8 times, ends the doubling */
static void hystart__leaves_slow_start(void **state)
{
	u64 now = MS(1000), cwnd;
	struct quic_cc cc;
	unsigned int i;

	quic_cc_init(&cc, &quic_cc_cubic, MSS);
	now = round_trip(&cc, 10, MS(20), now);
	now = round_trip(&cc, 10, MS(20), now);
	assert_int_equal(cc.cwnd, SEGS(40));
	now = round_trip(&cc, 10, MS(23), now);	/* below the threshold */
	assert_int_equal(cc.cwnd, SEGS(80));
	/* the ACKs of a round come while the next is sent: one more doubling at most */
	now = round_trip(&cc, 10, MS(30), now);
	now = round_trip(&cc, 10, MS(30), now);
	cwnd = cc.cwnd;
	assert_in_range(cwnd, SEGS(200), SEGS(319));
	for (i = 0; i < 3; i++) {
		now = round_trip(&cc, 10, MS(30), now);
		assert_in_range(cc.cwnd, cwnd * 5 / 4 - MSS, cwnd * 5 / 4);
		cwnd = cc.cwnd;
		assert_true(cc.ssthresh == U64_MAX);
	}
	now = round_trip(&cc, 10, MS(30), now);
	now = round_trip(&cc, 10, MS(30), now);
	assert_false(quic_cc_slow_start(&cc));
	/* no plateau is known: a Reno-like crawl */
	cwnd = cc.cwnd;
	round_trip(&cc, 10, MS(30), now);
	assert_true(cc.cwnd - cwnd <= 2 * MSS);
}

static void hystart__resumes(void **state)
{
	u64 now = MS(1000), cwnd;
	struct quic_cc cc;
	unsigned int i;

	quic_cc_init(&cc, &quic_cc_cubic, MSS);
	for (i = 0; i < 2; i++)
		now = round_trip(&cc, 10, MS(20), now);
	now = round_trip(&cc, 10, MS(30), now);	/* conservative from here */
	now = round_trip(&cc, 10, MS(20), now);	/* a blip */
	cwnd = cc.cwnd;
	for (i = 0; i < 6; i++) {
		now = round_trip(&cc, 10, MS(20), now);
		assert_int_equal(cc.cwnd, 2 * cwnd);
		cwnd = cc.cwnd;
	}
	assert_true(cc.ssthresh == U64_MAX);
}

/* Anything at any time: no trap, the window within its bounds */
static void both__random(void **state)
{
	u64 seed = 3, now, i, run;

	for (run = 0; run < 200; run++) {
		u32 mss = 1200 + rnd(&seed) % 31537;
		struct quic_cc cc;

		quic_cc_init(&cc, run & 1 ? &quic_cc_cubic : &quic_cc_newreno, mss);
		now = 1 + rnd(&seed) % (1ull << 40);
		for (i = 0; i < 3000; i++) {
			u64 step = 1ull << rnd(&seed) % 42;
			unsigned int r = rnd(&seed) % 1000;

			now += rnd(&seed) % step;
			if (r < 950)
				ack(&cc, rnd(&seed) % (cc.cwnd + 1), now - min(now, step),
				    1 + rnd(&seed) % step, now);
			else if (r < 960)
				limited_ack(&cc, now + MS(60));
			else if (r < 975)
				cc.ops->on_congestion(&cc, now, now);
			else if (r < 977)
				cc.ops->on_persistent(&cc);
			else if (r < 985)
				cc.ops->undo(&cc);
			else if (cc.ops->on_sent)
				cc.ops->on_sent(&cc, mss, 0, now);
			assert_true(cc.cwnd >= 2 * mss && cc.cwnd <= QUIC_CC_CWND_MAX);
			assert_true(cc.ssthresh >= 2 * mss);
		}
	}
}

static void cc__switch(void **state)
{
	struct quic_cc cc;

	quic_cc_init(&cc, &quic_cc_cubic, MSS);
	cc.cwnd = SEGS(50);
	cc.ops->on_congestion(&cc, MS(5), MS(20));
	quic_cc_switch(&cc, &quic_cc_newreno);
	assert_int_equal(cc.cwnd, SEGS(35));
	cc.ops->undo(&cc);
	assert_int_equal(cc.cwnd, SEGS(35));
	quic_cc_switch(&cc, &quic_cc_cubic);
	round_trip(&cc, 10, MS(30), MS(100));
	assert_in_range(cc.cwnd, SEGS(35), SEGS(37));
}

static const struct CMUnitTest tests[] = {
	TEST(cc__find),
	TEST(cc__initial_window),
	TEST(cc__set_mss),
	TEST(cc__rate),
	TEST(cc__switch),
	TEST(newreno__slow_start),
	TEST(newreno__reduce_once_a_round),
	TEST(newreno__avoidance),
	TEST(newreno__app_limited),
	TEST(both__persistent),
	TEST(both__undo),
	TEST(both__random),
	TEST(cubic__multiplicative_decrease),
	TEST(cubic__curve),
	TEST(cubic__fast_convergence),
	TEST(cubic__reno_friendly),
	TEST(cubic__idle_does_not_count),
	TEST(cubic__growth_is_bounded),
	TEST(hystart__leaves_slow_start),
	TEST(hystart__resumes),
};

TEST_MAIN(tests)
