// SPDX-License-Identifier: GPL-2.0
/*
 * Whole connections over a bottleneck with a queue of one round trip: how much of it they use, how
 * soon after the start, after darkness, and with losses. Next to TCP the same: selftests/grid.
 */
#include "test.h"
#include "sim.h"

#define MBIT(n)	((u64)(n) * 125000)
#define WINDOW	(16u << 20)	/* half of net.quic.quic_rmem's default */

static struct sim *start(const struct quic_cc_ops *cc, u64 rate, u64 rtt, u64 bytes)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.cc = cc;
	cfg.delay = rtt / 2;
	s = sim_up(&cfg);
	s->c->link.rate = rate;
	s->c->link.queue = max_t(u64, rate * rtt / NSEC_PER_SEC, 15000);
	s->s->conn.rx_flow.window_max = WINDOW;
	s->start = s->now;
	sim_want(0, 0, bytes, 1);
	sim_write(s->c, sim_open(s->c, true), bytes, true);
	return s;
}

/* Share of @rate that stream bytes have in the next @ns */
static double use(struct sim *s, u64 rate, u64 ns)
{
	u64 before = s->s->rx_bytes;

	sim_run(s, ns, NULL);
	return (double)(s->s->rx_bytes - before) * NSEC_PER_SEC / ns / rate;
}

static void goodput__1g_100ms(void **state)
{
	static const char *const names[] = { "cubic", "bbr" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct sim *s = start(quic_cc_find(names[i]), MBIT(1000), MS(100), 1ull << 32);
		double got;

		sim_run(s, MS(1500), NULL);
		got = use(s, MBIT(1000), SEC(1));
		print_message("# %s: %.3f of 1 Gbit/s\n", names[i], got);
		assert_true(got >= 0.9);
		assert_true(s->s->conn.rx_flow.window <= WINDOW);
		sim_free(s);
	}
}

/*
 * 10 MB over 100 Mbit/s x 60 ms from a warm connection: TCP CUBIC takes 1.23 s with its handshake,
 * 1.17 s without, which test_grid.sh measures; 1.15 times as much here.
 */
static void goodput__10mb(void **state)
{
	struct sim *s = start(&quic_cc_cubic, MBIT(100), MS(60), 10000000);

	assert_true(sim_run(s, MS(1170) * 115 / 100, sim_all_here));
	print_message("# %llu ms\n", sim_elapsed(s) / NSEC_PER_MSEC);
	sim_free(s);
}

/*
 * The path is dark for 2 s: data flows within the PTO running at its end (RFC 9002, 6.2) and a
 * round trip, and arrives half of one later. What the probe carries may have arrived before.
 */
static void goodput__after_darkness(void **state)
{
	static const char *const names[] = { "newreno", "cubic", "bbr" };
	unsigned int i;

	for (i = 0; i < 3 * 8; i++) {
		const struct quic_cc_ops *cc = quic_cc_find(names[i % 3]);
		struct sim *s = start(cc, MBIT(20), MS(40), 20000000);
		struct quic_loss *l = &s->c->conn.loss;
		u64 until, before;

		sim_run(s, MS(800 + 53 * i), NULL);
		s->c->link.down = true;
		s->s->link.down = true;
		sim_run(s, SEC(2), NULL);
		before = s->s->rx_bytes;
		s->c->link.down = false;
		s->s->link.down = false;
		assert_true(l->pto_count > 0);
		until = quic_loss_deadline(l, s->now);
		assert_in_range(until, s->now, s->now + SEC(3));
		sim_run(s, until + MS(40 + 20 + 2) - s->now, NULL);
		assert_true(s->s->rx_bytes > before);
		/* and soon at full rate; NewReno adds a datagram a round trip */
		sim_run(s, MS(500), NULL);
		assert_true(use(s, MBIT(20), SEC(1)) > (i % 3 ? 0.9 : 0.65));
		sim_free(s);
	}
}

static double with_loss(const char *name, u32 loss)
{
	struct sim *s = start(quic_cc_find(name), MBIT(100), MS(40), 1ull << 30);
	double got;

	s->c->link.loss = loss;
	sim_run(s, SEC(1), NULL);
	got = use(s, MBIT(100), SEC(10));
	print_message("# %s: %.3f of 100 Mbit/s\n", name, got);
	sim_free(s);
	return got;
}

static void goodput__bbr_with_losses(void **state)
{
	assert_true(with_loss("bbr", 10) >= 5 * with_loss("cubic", 10));
}

static const struct CMUnitTest tests[] = {
	TEST(goodput__1g_100ms),
	TEST(goodput__10mb),
	TEST(goodput__after_darkness),
	TEST(goodput__bbr_with_losses),
};

TEST_MAIN(tests)
