// SPDX-License-Identifier: GPL-2.0
/*
 * Loss recovery, congestion control and pacing over a simulated bottleneck (link.h):
 * how much of the rate is used, how long a transfer takes, what reordering does.
 */
#include "link.h"

#define MBIT(n)	((u64)(n) * 125000)

static const struct quic_cc_ops *const both[] = { &quic_cc_newreno, &quic_cc_cubic };

static struct link_result run(const struct link *ln, const struct quic_cc_ops *cc, u64 warm,
			      u64 end, u64 total)
{
	struct link_result r = link_run(ln, cc, warm, end, total);

	print_message("# %s: use %.3f sent %llu lost %llu (%llu spurious, %llu dropped)", cc->name,
		      r.use, r.sent, r.lost, r.spurious, r.dropped);
	print_message(" cwnd %llu-%llu done %llu ms\n", r.cwnd_min, r.cwnd_max,
		      r.done_at / NSEC_PER_MSEC);
	return r;
}

/* 2 s to settle, 8 s measured */
static void uses(const struct link *ln, double share, u64 spurious)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct link_result r = run(ln, both[i], SEC(2), SEC(10), 0);

		assert_true(r.use >= share);
		assert_true(r.spurious <= spurious);
	}
}

static void link__lossless_100m_20ms(void **state)
{
	uses(&(struct link){ .rate = MBIT(100), .delay = MS(10) }, 0.97, 0);
}

static void link__lossless_100m_2ms(void **state)
{
	uses(&(struct link){ .rate = MBIT(100), .delay = MS(1) }, 0.95, 0);
}

static void link__lossless_10m_100ms(void **state)
{
	uses(&(struct link){ .rate = MBIT(10), .delay = MS(50) }, 0.97, 0);
}

static void link__lossless_1g_20ms(void **state)
{
	uses(&(struct link){ .rate = MBIT(1000), .delay = MS(10) }, 0.97, 0);
}

static void link__shallow_queue(void **state)
{
	uses(&(struct link){ .rate = MBIT(100), .delay = MS(10), .queue = 62500 }, 0.85, 0);
}

/* netem's "delay 10ms reorder 25%", TCP-like bar: no collapse */
static void link__reordering(void **state)
{
	struct link ln = { .rate = MBIT(100), .delay = MS(10), .early_pct = 25 };

	ln.early = MS(10);
	uses(&ln, 0.95, 300);
	ln.early = MS(5);
	uses(&ln, 0.95, 300);
	ln.rate = MBIT(10);
	ln.early = MS(10);
	uses(&ln, 0.9, 100);
}

static void link__jitter(void **state)
{
	struct link ln = { .rate = MBIT(100), .delay = MS(10) };

	ln.jitter = MS(10);
	uses(&ln, 0.95, 300);
	ln.jitter = MS(20);
	uses(&ln, 0.9, 300);
	ln.rate = MBIT(10);
	ln.delay = MS(1);
	ln.queue = 100000;
	ln.jitter = MS(10);
	uses(&ln, 0.9, 100);
}

/* Reordering alone, before any queue is full: the window is where it would have been. */
static void link__reordering_costs_no_window(void **state)
{
	struct link ln = { .rate = MBIT(100), .delay = MS(10), .queue = 1 << 24,
			   .early = MS(5), .early_pct = 25 };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct link_result r = run(&ln, both[i], 0, SEC(10), 3000000);

		assert_int_equal(r.lost, r.spurious);
		assert_in_range(r.done_at, MS(240), MS(420));
	}
}

/* HyStart++ leaves slow start before a deep queue overflows; plain slow start does not. */
static void link__hystart(void **state)
{
	struct link ln = { .rate = MBIT(100), .delay = MS(10), .queue = 3000000 };

	assert_true(run(&ln, &quic_cc_newreno, 0, SEC(2), 0).dropped > 0);
	assert_int_equal(run(&ln, &quic_cc_cubic, 0, SEC(2), 0).dropped, 0);
}

/* TCP CUBIC has 12 to 20 Mbit/s here. */
static void link__random_loss(void **state)
{
	struct link ln = { .rate = MBIT(100), .delay = MS(5), .loss_ppm = 10000 };
	struct link_result r = run(&ln, &quic_cc_cubic, SEC(2), SEC(22), 0);

	assert_true(r.use >= 0.115);
	assert_int_equal(r.spurious, 0);
	ln.loss_ppm = 100000;
	assert_true(run(&ln, &quic_cc_cubic, SEC(2), SEC(12), 0).use >= 0.01);
}

static void link__completion_times(void **state)
{
	static const struct {
		u64 rate, delay, bytes, ms;
	} c[] = {
		{ MBIT(100), MS(10), 10000, 12 },	/* one way, its time on the wire */
		{ MBIT(100), MS(10), 100000, 75 },	/* 14.5 + 29 + 58 kB: three and a half */
		{ MBIT(100), MS(10), 1600000, 220 },
		{ MBIT(100), MS(10), 25600000, 2300 },
		{ MBIT(20), MS(100), 1600000, 1700 },
		{ MBIT(10), MS(300), 100000, 1900 },
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		struct link ln = { .rate = c[i].rate, .delay = c[i].delay };

		for (k = 0; k < 2; k++) {
			struct link_result r = run(&ln, both[k], 0, SEC(60), c[i].bytes);

			assert_true(r.done_at && r.done_at <= MS(c[i].ms));
		}
	}
}

/* 2 s of nothing: down to the minimum window, back by a PTO, then to full speed. */
static void link__outage(void **state)
{
	struct link ln = { .rate = MBIT(100), .delay = MS(10), .dark_from = SEC(3),
			   .dark_to = SEC(5) };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct link_result r = run(&ln, both[i], SEC(2), SEC(12), 0);

		assert_int_equal(r.cwnd_min, 2 * 1452);
		/* dark 2 s, silent at most as long again while the PTO doubles */
		assert_true(r.use >= 0.57);
	}
}

/* BBRv3 fills what it measured, but for its probing; and a queue of one bandwidth-delay product stays short. */
static void link__bbr_lossless(void **state)
{
	static const u64 rtt[] = { MS(2), MS(20), MS(100) };
	unsigned int i;
	u64 rate;

	for (rate = MBIT(10); rate <= MBIT(1000); rate *= 10) {
		for (i = 0; i < ARRAY_SIZE(rtt); i++) {
			struct link ln = { .rate = rate, .delay = rtt[i] / 2 };
			struct link_result r;

			ln.queue = max_t(u64, rate * rtt[i] / NSEC_PER_SEC, 15000);
			r = run(&ln, &quic_cc_bbr, SEC(2), SEC(8), 0);

			assert_true(r.use >= 0.92);
			assert_true(r.dropped * 50 < r.sent);
		}
	}
}

/* A deep queue: CUBIC fills it, BBR leaves it empty. */
static void link__bbr_short_queue(void **state)
{
	struct link ln = { .rate = MBIT(50), .delay = MS(20), .queue = 4000000 };
	struct link_result r = run(&ln, &quic_cc_bbr, SEC(3), SEC(10), 0);

	assert_true(r.use >= 0.92);
	assert_true(r.srtt < MS(55));
	assert_true(run(&ln, &quic_cc_cubic, SEC(3), SEC(10), 0).srtt > MS(100));
}

/* 1 % at random and 40 ms: at least 5 times CUBIC; and 5 % do not stop it either */
static void link__bbr_random_loss(void **state)
{
	struct link ln = { .rate = MBIT(100), .delay = MS(20), .loss_ppm = 10000 };
	double bbr = run(&ln, &quic_cc_bbr, SEC(2), SEC(12), 0).use;

	assert_true(bbr >= 0.85);
	assert_true(bbr >= 5 * run(&ln, &quic_cc_cubic, SEC(2), SEC(12), 0).use);
	ln.loss_ppm = 50000;
	assert_true(run(&ln, &quic_cc_bbr, SEC(2), SEC(12), 0).use >= 0.8);
}

/* A queue of a tenth of the bandwidth-delay product overflows: probing must not lose much. */
static void link__bbr_shallow_queue(void **state)
{
	struct link ln = { .rate = MBIT(100), .delay = MS(20), .queue = 50000 };
	struct link_result r = run(&ln, &quic_cc_bbr, SEC(2), SEC(12), 0);

	assert_true(r.use >= 0.8);
	assert_true(r.lost * 20 < r.sent);
}

static void link__bbr_reordering(void **state)
{
	struct link ln = { .rate = MBIT(100), .delay = MS(10), .early_pct = 25, .early = MS(10) };

	assert_true(run(&ln, &quic_cc_bbr, SEC(2), SEC(10), 0).use >= 0.85);
	ln = (struct link){ .rate = MBIT(100), .delay = MS(10), .jitter = MS(10) };
	assert_true(run(&ln, &quic_cc_bbr, SEC(2), SEC(10), 0).use >= 0.85);
}

/* As link__outage; the model is still there afterwards. */
static void link__bbr_outage(void **state)
{
	struct link ln = { .rate = MBIT(100), .delay = MS(10), .dark_from = SEC(3),
			   .dark_to = SEC(5) };

	assert_true(run(&ln, &quic_cc_bbr, SEC(2), SEC(12), 0).use >= 0.55);
}

static const struct CMUnitTest tests[] = {
	TEST(link__lossless_100m_20ms),
	TEST(link__lossless_100m_2ms),
	TEST(link__lossless_10m_100ms),
	TEST(link__lossless_1g_20ms),
	TEST(link__shallow_queue),
	TEST(link__reordering),
	TEST(link__jitter),
	TEST(link__reordering_costs_no_window),
	TEST(link__hystart),
	TEST(link__random_loss),
	TEST(link__completion_times),
	TEST(link__outage),
	TEST(link__bbr_lossless),
	TEST(link__bbr_short_queue),
	TEST(link__bbr_random_loss),
	TEST(link__bbr_shallow_queue),
	TEST(link__bbr_reordering),
	TEST(link__bbr_outage),
};

TEST_MAIN(tests)
