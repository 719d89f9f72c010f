// SPDX-License-Identifier: GPL-2.0
/* Sending: every byte, every end, within the time the link allows. */
#include "test.h"
#include "sim.h"

#define RTT	MS(20)

/* Round trips slow start needs from an initial window of @iw bytes for @len */
static unsigned int rounds(u64 len, u64 iw)
{
	unsigned int n = 1;

	for (; len > iw; n++) {
		len -= iw;
		iw *= 2;
	}
	return n;
}

static void transfer(struct sim_cfg *cfg, u64 len, bool by_server, u64 bound)
{
	struct sim *s = sim_up(cfg);
	struct sim_ep *from = by_server ? s->s : s->c;
	u64 took;

	sim_want(by_server ? len : 0, by_server, by_server ? 0 : len, !by_server);
	sim_write(from, sim_open(from, true), len, true);
	assert_true(sim_run(s, SEC(300), sim_all_here));
	took = sim_elapsed(s);
	if (took > bound)
		fail_msg("%llu bytes took %llu us, not %llu", len, took / 1000, bound / 1000);
	sim_run(s, SEC(2), NULL);
	sim_assert_settled(s);
	sim_assert_clean(s);
	sim_free(s);
}

static void stream_tx__sizes(void **state)
{
	static const u64 len[] = { 0, 1, 63, 64, 1000, 1400, 1452, 3000, 16383, 16384, 100000,
				   1000000, 10000000 };
	struct sim_cfg cfg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		sim_config(&cfg);
		/* Half a round trip there; each round of slow start takes one, paced within it. */
		transfer(&cfg, len[i], i % 2, RTT / 2 + (rounds(len[i], 14520) - 1) * RTT +
			 (len[i] > 2000 ? RTT : 0) + 2 * len[i]);
	}
}

/* A link of 10 Mbit/s with a round trip of queue: full within the time slow start takes. */
static void stream_tx__fills_link(void **state)
{
	static const u32 delay[] = { 1, 10, 50, 250 };
	struct sim_cfg cfg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(delay); i++) {
		u64 rtt = MS(2 * delay[i]), len = 4000000, rate = 1250000;

		sim_config(&cfg);
		cfg.delay = MS(delay[i]);
		cfg.rate = rate;
		transfer(&cfg, len, i % 2, len * NSEC_PER_SEC / rate * 105 / 100 + 8 * rtt + MS(10));
	}
}

static void stream_tx__both_ways(void **state)
{
	struct sim_stream *st;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.rate = 12500000;
	s = sim_up(&cfg);
	sim_want(3000000, 1, 3000000, 1);
	s->s->keep = true;
	st = sim_open(s->c, false);
	sim_write(s->c, st, 3000000, true);
	sim_run(s, RTT, NULL);
	sim_write(s->s, sim_find(s->s, st->qs.id), 3000000, true);
	assert_true(sim_run(s, SEC(10), sim_all_here));
	/* The queue has no end, and so has slow start: ACKs wait in it behind data. */
	assert_true(sim_elapsed(s) < MS(240) + 12 * RTT);
	sim_assert_clean(s);
	sim_free(s);
}

/* All advance together: no stream waits for another to end (round robin a packet). */
static void stream_tx__fair(void **state)
{
	struct sim_stream *st[10];
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;
	u64 least = U64_MAX, most = 0;

	sim_config(&cfg);
	cfg.rate = 1250000;
	s = sim_up(&cfg);
	for (i = 0; i < 10; i++) {
		st[i] = sim_open(s->c, true);
		sim_write(s->c, st[i], 200000, true);
	}
	sim_run(s, MS(800), NULL);
	for (i = 0; i < 10; i++) {
		least = min(least, st[i]->qs.tx.next);
		most = max(most, st[i]->qs.tx.next);
	}
	assert_true(least > 0 && most - least < 20000);
	sim_free(s);
}

static u64 drop_at;
static bool drop_server;

static bool drop_one(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return from->server == drop_server && n == drop_at;
}

static bool client_up(struct sim *s)
{
	return s->c->conn.state == QUIC_CONN_ESTABLISHED;
}

static bool asked(struct sim *s)
{
	return s->s->n_fin;
}

static bool answered(struct sim *s)
{
	return s->c->n_fin;
}

/* Handshake, request, answer, with any single datagram lost: one timeout more at most. */
static void stream_tx__request_one_lost(void **state)
{
	unsigned int side;

	for (side = 0; side < 2; side++) {
		drop_server = side;
		for (drop_at = 0; drop_at < 40; drop_at++) {
			struct sim_cfg cfg;
			struct sim *s;

			sim_config(&cfg);
			s = sim_new(&cfg);
			s->c->link.drop = drop_one;
			s->s->link.drop = drop_one;
			s->s->keep = true;
			assert_int_equal(sim_connect(s), 0);
			assert_true(sim_run(s, SEC(2), client_up));
			sim_write(s->c, sim_open(s->c, false), 3000, true);
			assert_true(sim_run(s, SEC(2), asked));
			sim_write(s->s, sim_find(s->s, 0), 30000, true);
			assert_true(sim_run(s, SEC(2), answered));
			/* 999 ms for the first flight, some 150 ms for any later one */
			if (sim_elapsed(s) > (drop_at ? MS(350) : MS(1150)))
				fail_msg("without %llu of %u: %llu us", drop_at, side,
					 sim_elapsed(s) / 1000);
			sim_free(s);
		}
	}
}

/* Tail drop at a queue of one round trip: the link stays busy all the same. */
static void stream_tx__full_queue(void **state)
{
	static const struct quic_cc_ops *const cc[] = { &quic_cc_cubic, &quic_cc_newreno };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		u64 rate = 12500000, len = 40000000;
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.delay = MS(20);
		cfg.rate = rate;
		cfg.queue = rate * 40 / 1000;
		cfg.cc = cc[i];
		s = sim_up(&cfg);
		sim_want(0, 0, len, 1);
		sim_write(s->c, sim_open(s->c, true), len, true);
		assert_true(sim_run(s, SEC(60), sim_all_here));
		/* 3.2 s at best */
		assert_true(sim_elapsed(s) < MS(3900));
		/* A slow start that overshoots loses about what the path holds, 1 MB. */
		assert_true(s->c->conn.stats.bytes_retransmitted < len / 25);
		sim_free(s);
	}
}

static bool done_two(struct sim *s)
{
	return s->s->n_fin == 2 && s->c->n_fin == 1;
}

/* Loss, reordering, duplication and corruption over all round trips: it arrives, in time. */
static void stream_tx__bad_network(void **state)
{
	static const u32 delay[] = { 1, 10, 50, 250 };
	unsigned int kind, i, j;

	for (kind = 0; kind < 5; kind++) {
		for (i = 0; i < ARRAY_SIZE(delay); i++) {
			u64 rtt = MS(2 * delay[i]), len = 500000;
			struct sim_stream *st;
			struct sim_cfg cfg;
			struct sim *s;

			sim_config(&cfg);
			cfg.seed = kind * 10 + i + 1;
			cfg.delay = MS(delay[i]);
			s = sim_up(&cfg);
			for (j = 0; j < 2; j++) {
				struct sim_link *l = &s->ep[j].link;

				l->reorder_by = rtt / 4;
				l->loss = kind == 0 ? 10 : kind == 4 ? 20 : 0;
				l->reorder = kind == 1 || kind == 4 ? 250 : 0;
				l->dup = kind == 2 || kind == 4 ? 250 : 0;
				l->corrupt = kind == 3 || kind == 4 ? 20 : 0;
			}
			s->s->keep = true;
			st = sim_open(s->c, false);
			sim_write(s->c, st, len, true);
			sim_write(s->c, sim_open(s->c, true), len / 10, true);
			sim_run(s, rtt, NULL);
			if (sim_find(s->s, 0))
				sim_write(s->s, sim_find(s->s, 0), len, true);
			else
				sim_want(0, 0, 0, 0);
			assert_true(sim_run(s, 100 * rtt + SEC(1), done_two));
			assert_int_equal(s->s->rx_bytes, len + len / 10);
			assert_int_equal(s->c->rx_bytes, len);
			/* A duplicate is no loss. */
			if (kind == 2)
				assert_int_equal(s->c->conn.stats.bytes_retransmitted, 0);
			for (j = 0; j < 2; j++) {
				struct sim_link *l = &s->ep[j].link;

				l->loss = l->reorder = l->dup = l->corrupt = 0;
			}
			sim_run(s, SEC(5), NULL);
			assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
			assert_int_equal(s->c->conn.loss.bytes_in_flight, 0);
			assert_int_equal(s->c->conn.streams.count, 0);
			sim_free(s);
		}
	}
}

/* A transfer in both directions while allocations fail from the n-th on for 50 ms. */
static void stream_tx__no_memory(void **state)
{
	unsigned long n;

	for (n = 1; n < 400; n += n < 60 ? 1 : 7) {
		struct sim_stream *st;
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = n;
		s = sim_up(&cfg);
		s->c->link.loss = 20;
		s->s->link.loss = 20;
		s->c->link.reorder = 50;
		s->c->link.reorder_by = MS(3);
		s->loose = true;
		s->s->keep = true;
		st = sim_open(s->c, false);
		sim_write(s->c, st, 300000, true);
		os_alloc_fail_after(n);
		sim_run(s, MS(50), NULL);
		os_alloc_fail_after(0);
		s->loose = false;
		sim_want(0, 0, 300000, 1);
		assert_true(sim_run(s, SEC(20), sim_all_here));
		sim_write(s->s, sim_find(s->s, 0), 1000, true);
		sim_want(1000, 1, 0, 0);
		assert_true(sim_run(s, SEC(5), sim_all_here));
		assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
		sim_free(s);
	}
}

/* Losses and ACKs that find no memory for another range: more goes out again, nothing is lost. */
static void stream_tx__no_memory_for_ranges(void **state)
{
	struct sim_stream *st;
	struct sim_cfg cfg;
	struct sim *s;
	u64 off;

	sim_config(&cfg);
	s = sim_up(&cfg);
	s->c->link.down = true;
	st = sim_open(s->c, true);
	sim_write(s->c, st, 100000, true);
	sim_run(s, MS(15), NULL);
	assert_true(st->qs.tx.next > 8000);
	os_alloc_fail_after(1);
	for (off = 1000; off < 8000; off += 1000)
		quic_stream_lost(&s->c->conn, &st->qs, off, 100, false);
	for (off = 1500; off < 8000; off += 1000)
		quic_stream_acked(&s->c->conn, &st->qs, off, 10, false);
	os_alloc_fail_after(0);
	/* Two ranges fit without memory. */
	assert_true(st->qs.tx.lost.n <= 2 && st->qs.tx.acks.n <= 2);
	assert_true(quic_ranges_covers(&st->qs.tx.lost, 7000, 7100));
	assert_true(quic_ranges_covers(&st->qs.tx.lost, 3000, 3100));
	quic_ranges_free(&st->qs.tx.acks);
	s->c->link.down = false;
	sim_want(0, 0, 100000, 1);
	assert_true(sim_run(s, SEC(5), sim_all_here));
	sim_run(s, SEC(1), NULL);
	sim_assert_settled(s);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(stream_tx__sizes),
	TEST(stream_tx__fills_link),
	TEST(stream_tx__both_ways),
	TEST(stream_tx__fair),
	TEST(stream_tx__request_one_lost),
	TEST(stream_tx__full_queue),
	TEST(stream_tx__bad_network),
	TEST(stream_tx__no_memory),
	TEST(stream_tx__no_memory_for_ranges),
};

TEST_MAIN(tests)
