// SPDX-License-Identifier: GPL-2.0
/*
 * Streams end to end: every byte, every end, within the time the link allows.
 */
#include "test.h"
#include "sim.h"

#define RTT	MS(20)

static u64 want_rx[2];		/* bytes the client, the server waits for */
static unsigned int want_fin[2];

static bool all_here(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (s->ep[i].rx_bytes < want_rx[i] || s->ep[i].n_fin < want_fin[i])
			return false;
	return true;
}

static void want(u64 client, unsigned int cfin, u64 server, unsigned int sfin)
{
	want_rx[0] = client;
	want_fin[0] = cfin;
	want_rx[1] = server;
	want_fin[1] = sfin;
}

static struct sim *up(struct sim_cfg *cfg)
{
	struct sim *s = sim_new(cfg);

	sim_handshake(s);
	/* IDs, tickets and the search for the MTU are done. */
	sim_run(s, MS(500) + 8 * cfg->delay, NULL);
	s->start = s->now;
	return s;
}

static void assert_clean(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct quic_conn *c = &s->ep[i].conn;

		assert_int_equal(c->state, QUIC_CONN_ESTABLISHED);
		assert_int_equal(c->stats.bytes_retransmitted, 0);
		assert_int_equal(c->loss.packets_lost, 0);
		assert_int_equal(c->loss.pto_count, 0);
		assert_int_equal(c->stats.packets_dropped, 0);
	}
}

/* Everything settled: no stream left, nothing in flight, credit returned. */
static void assert_settled(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct quic_conn *c = &s->ep[i].conn;

		assert_int_equal(c->streams.count, 0);
		assert_int_equal(c->rx_flow.consumed, c->rx_flow.used);
		assert_int_equal(c->loss.bytes_in_flight, 0);
		assert_true(quic_conn_quiet(c));
	}
}

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
	struct sim *s = up(cfg);
	struct sim_ep *from = by_server ? s->s : s->c;
	u64 took;

	want(by_server ? len : 0, by_server, by_server ? 0 : len, !by_server);
	sim_write(from, sim_open(from, true), len, true);
	assert_true(sim_run(s, SEC(300), all_here));
	took = sim_elapsed(s);
	if (took > bound)
		fail_msg("%llu bytes took %llu us, not %llu", len, took / 1000, bound / 1000);
	sim_run(s, SEC(2), NULL);
	assert_settled(s);
	assert_clean(s);
	sim_free(s);
}

static void stream__sizes(void **state)
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
static void stream__fills_link(void **state)
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

static void stream__both_ways(void **state)
{
	struct sim_stream *st;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.rate = 12500000;
	s = up(&cfg);
	want(3000000, 1, 3000000, 1);
	s->s->keep = true;
	st = sim_open(s->c, false);
	sim_write(s->c, st, 3000000, true);
	sim_run(s, RTT, NULL);
	sim_write(s->s, sim_find(s->s, st->qs.id), 3000000, true);
	assert_true(sim_run(s, SEC(10), all_here));
	assert_true(sim_elapsed(s) < MS(240) + 10 * RTT);
	assert_clean(s);
	sim_free(s);
}

static void open_many(struct sim *s, struct sim_ep *ep, unsigned int n, u64 len)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct sim_stream *st = sim_open(ep, i % 2);

		assert_non_null(st);
		sim_write(ep, st, len + i, true);
	}
}

/* The peer ends its side of each stream it is asked on. */
static void answer(struct sim_ep *ep, u64 len)
{
	struct sim_stream *st, *tmp;

	list_for_each_entry_safe(st, tmp, &ep->streams, node)
		if (st->peers && st->qs.tx.exists && !st->qs.tx.fin &&
		    st->qs.tx.state == QUIC_SEND_READY)
			sim_write(ep, st, len, true);
}

static void stream__many(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = up(&cfg);
	open_many(s, s->c, 200, 2000);
	want(0, 0, 200 * 2000, 200);
	assert_true(sim_run(s, SEC(1), all_here));
	assert_true(sim_elapsed(s) < 6 * RTT);
	want(100 * 3000, 100, 0, 0);
	answer(s->s, 3000);
	assert_true(sim_run(s, SEC(1), all_here));
	sim_run(s, SEC(1), NULL);
	assert_clean(s);
	assert_settled(s);
	/* 200 objects each side, all given back */
	assert_int_equal(s->c->n_freed, 200);
	assert_int_equal(s->s->n_freed, 200);
	sim_free(s);
}

/* All advance together: no stream waits for another to end (round robin a packet). */
static void stream__fair(void **state)
{
	struct sim_stream *st[10];
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;
	u64 least = U64_MAX, most = 0;

	sim_config(&cfg);
	cfg.rate = 1250000;
	s = up(&cfg);
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

static void stream__stream_limit(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;
	int err;

	sim_config(&cfg);
	s = up(&cfg);
	for (i = 0; i < QUIC_DEF_STREAMS_UNI; i++)
		sim_write(s->c, sim_open(s->c, true), 10, true);
	assert_null(quic_stream_open(&s->c->conn, true, &err));
	assert_int_equal(err, -EAGAIN);
	assert_true(s->c->conn.streams.kind[1].blocked_wanted);
	assert_null(quic_stream_open_id(&s->c->conn, 2 + 4 * 100, &err));
	assert_int_equal(err, -EAGAIN);
	sim_pump(s->c);
	sim_run(s, MS(5), NULL);
	assert_false(s->c->conn.streams.kind[1].blocked_wanted);
	/* Once for each limit */
	assert_null(quic_stream_open(&s->c->conn, true, &err));
	assert_false(s->c->conn.streams.kind[1].blocked_wanted);
	/* As the server's side ends them, credit comes back within a round trip or two. */
	sim_run(s, 3 * RTT, NULL);
	assert_in_range(s->c->conn.streams.kind[1].local_max, 150, 200);
	assert_true(s->c->n_event[QUIC_CEV_MAX_STREAMS] >= 1);
	assert_non_null(quic_stream_open(&s->c->conn, true, &err));
	assert_clean(s);
	sim_free(s);
}

static void stream__open_id(void **state)
{
	struct quic_stream *a;
	struct sim_cfg cfg;
	struct sim *s;
	int err;

	sim_config(&cfg);
	s = up(&cfg);
	a = quic_stream_open_id(&s->c->conn, 8, &err);
	assert_non_null(a);
	assert_int_equal(a->id, 8);
	/* RFC 9000, 3.2: those below are open too */
	assert_non_null(quic_stream_find(&s->c->conn, 0));
	assert_non_null(quic_stream_find(&s->c->conn, 4));
	assert_null(quic_stream_find(&s->c->conn, 12));
	assert_null(quic_stream_open_id(&s->c->conn, 9, &err));
	assert_int_equal(err, -EINVAL);
	assert_null(quic_stream_open_id(&s->c->conn, 1ull << 62, &err));
	assert_int_equal(err, -EINVAL);
	assert_int_equal(quic_stream_wrote(&s->c->conn, a, 10, true), 0);
	assert_int_equal(quic_stream_wrote(&s->c->conn, a, 10, true), -EINVAL);
	sim_pump(s->c);
	sim_run(s, RTT, NULL);
	assert_int_equal(s->s->n_opened, 3);
	sim_free(s);
}

/* The application does not read: the sender stops at the limit, and goes on when it does. */
static void stream__flow_blocked(void **state)
{
	struct sim_stream *st;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = up(&cfg);
	s->s->no_read = true;
	st = sim_open(s->c, true);
	sim_write(s->c, st, 600000, true);
	sim_run(s, SEC(2), NULL);
	assert_int_equal(s->s->rx_bytes, QUIC_DEF_STREAM_WINDOW);
	assert_int_equal(st->qs.tx.next, QUIC_DEF_STREAM_WINDOW);
	assert_int_equal(st->qs.tx.blocked_at, QUIC_DEF_STREAM_WINDOW);
	assert_int_equal(quic_stream_credit(&s->c->conn, &st->qs), 0);
	assert_int_equal(s->c->conn.loss.bytes_in_flight, 0);
	s->s->no_read = false;
	s->start = s->now;
	want(0, 0, 600000, 1);
	sim_read_all(s->s);
	assert_true(sim_run(s, SEC(5), all_here));
	assert_true(sim_elapsed(s) < 4 * RTT);
	assert_clean(s);
	sim_free(s);
}

/* Many streams share the connection's window. */
static void stream__conn_blocked(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;

	sim_config(&cfg);
	s = up(&cfg);
	s->s->no_read = true;
	for (i = 0; i < 10; i++)
		sim_write(s->c, sim_open(s->c, true), 200000, true);
	sim_run(s, SEC(2), NULL);
	assert_int_equal(s->s->rx_bytes, QUIC_DEF_CONN_WINDOW);
	assert_int_equal(s->c->conn.tx_data, s->c->conn.tx_max);
	assert_int_equal(s->c->conn.tx_blocked_at, s->c->conn.tx_max);
	assert_true(list_empty(&s->c->conn.streams.active));
	assert_false(list_empty(&s->c->conn.streams.blocked));
	s->s->no_read = false;
	want(0, 0, 2000000, 10);
	sim_read_all(s->s);
	assert_true(sim_run(s, SEC(5), all_here));
	sim_run(s, SEC(1), NULL);
	assert_clean(s);
	assert_settled(s);
	sim_free(s);
}

/* On a long fat path the window grows until it does not limit; a slow reader's does not. */
static void stream__auto_tuning(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 rate = 12500000, len = 60000000;

	sim_config(&cfg);
	cfg.delay = MS(100);
	cfg.rate = rate;
	s = up(&cfg);
	want(0, 0, len, 1);
	sim_write(s->c, sim_open(s->c, true), len, true);
	assert_true(sim_run(s, SEC(60), all_here));
	assert_true(s->s->conn.rx_flow.window >= rate / 5);
	assert_true(s->s->conn.rx_flow.window <= QUIC_MAX_WINDOW);
	assert_true(sim_elapsed(s) < len * NSEC_PER_SEC / rate + 12 * MS(200));
	assert_clean(s);
	sim_free(s);

	/* 100 KB a second at 20 ms never needs more than it has. */
	sim_config(&cfg);
	cfg.rate = 100000;
	s = up(&cfg);
	want(0, 0, 2000000, 1);
	sim_write(s->c, sim_open(s->c, true), 2000000, true);
	assert_true(sim_run(s, SEC(60), all_here));
	assert_int_equal(s->s->conn.rx_flow.window, QUIC_DEF_CONN_WINDOW);
	sim_free(s);
}

static void stream__reset(void **state)
{
	struct sim_stream *st;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = up(&cfg);
	s->s->keep = true;
	st = sim_open(s->c, true);
	sim_write(s->c, st, 1000000, true);
	sim_run(s, RTT, NULL);
	assert_int_equal(quic_stream_reset(&s->c->conn, &st->qs, 77), 0);
	assert_int_equal(quic_stream_reset(&s->c->conn, &st->qs, 78), -EINVAL);
	assert_int_equal(quic_stream_wrote(&s->c->conn, &st->qs, 1, false), -EINVAL);
	assert_false(quic_conn_quiet(&s->c->conn));
	sim_pump(s->c);
	/* The window has to open, and the ACK of a lone packet waits 25 ms. */
	sim_run(s, 4 * RTT, NULL);
	assert_int_equal(s->s->n_reset, 1);
	assert_int_equal(s->s->n_fin, 0);
	assert_int_equal(s->c->n_sent_all, 1);
	assert_int_equal(sim_find(s->s, 2)->qs.rx.reset_code, 77);
	assert_int_equal(s->s->conn.rx_flow.consumed, s->s->conn.rx_flow.used);
	assert_int_equal(s->s->conn.rx_flow.used, s->c->conn.tx_data);
	assert_int_equal(s->c->conn.streams.count, 0);
	sim_free(s);
}

static void stream__stop_sending(void **state)
{
	struct sim_stream *st, *peer;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = up(&cfg);
	s->s->keep = true;
	s->s->no_read = true;
	st = sim_open(s->c, false);
	sim_write(s->c, st, 1000000, false);
	sim_run(s, 3 * RTT, NULL);
	peer = sim_find(s->s, 0);
	assert_int_equal(quic_stream_stop(&s->s->conn, &peer->qs, 55), 0);
	assert_int_equal(quic_stream_stop(&s->s->conn, &peer->qs, 55), -EAGAIN);
	sim_pump(s->s);
	sim_run(s, 3 * RTT, NULL);
	/* RFC 9000, 3.5: answered with a reset of the same code */
	assert_int_equal(s->c->n_stopped, 1);
	assert_int_equal(st->qs.tx.state, QUIC_SEND_RESET_RECVD);
	assert_int_equal(st->qs.tx.reset_code, 55);
	assert_int_equal(s->s->n_reset, 1);
	assert_int_equal(peer->qs.rx.reset_code, 55);
	/* The connection's credit came back though nobody read. */
	assert_int_equal(s->s->conn.rx_flow.consumed, s->s->conn.rx_flow.used);
	assert_clean(s);
	sim_free(s);
}

static void stream__stop_when_known(void **state)
{
	struct sim_stream *st, *peer;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = up(&cfg);
	s->s->keep = true;
	s->s->no_read = true;
	st = sim_open(s->c, true);
	sim_write(s->c, st, 5000, true);
	sim_run(s, 2 * RTT, NULL);
	peer = sim_find(s->s, 2);
	assert_int_equal(peer->qs.rx.state, QUIC_RECV_RECVD);
	assert_int_equal(quic_stream_stop(&s->s->conn, &peer->qs, 1), -EINVAL);
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
static void stream__request_one_lost(void **state)
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
static void stream__full_queue(void **state)
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
		s = up(&cfg);
		want(0, 0, len, 1);
		sim_write(s->c, sim_open(s->c, true), len, true);
		assert_true(sim_run(s, SEC(60), all_here));
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
static void stream__bad_network(void **state)
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
			s = up(&cfg);
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
				want_rx[0] = 0;
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

/* MAX_DATA, MAX_STREAM_DATA, MAX_STREAMS get lost like anything else, and come again. */
static void stream__limits_lost(void **state)
{
	u64 seed;

	for (seed = 1; seed <= 20; seed++) {
		struct sim_cfg cfg;
		unsigned int opened = 0;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = seed;
		s = sim_new(&cfg);
		s->s->conn.local.max_data = 20000;
		s->s->conn.local.max_stream_data_uni = 8000;
		s->s->conn.local.max_streams_uni = 3;
		sim_handshake(s);
		s->s->conn.rx_flow.window_max = 20000;
		s->s->link.loss = 300;
		s->start = s->now;
		want(0, 0, 40 * 20000, 40);
		while (!all_here(s) && sim_elapsed(s) < SEC(60)) {
			struct sim_stream *st = opened < 40 ? sim_open(s->c, true) : NULL;

			if (st) {
				opened++;
				sim_write(s->c, st, 20000, true);
			}
			sim_pump(s->c);
			sim_run(s, MS(10), all_here);
		}
		assert_true(all_here(s));
		assert_true(sim_elapsed(s) < SEC(30));
		sim_free(s);
	}
}

/* A transfer in both directions while allocations fail from the n-th on for 50 ms. */
static void stream__no_memory(void **state)
{
	unsigned long n;

	for (n = 1; n < 400; n += n < 60 ? 1 : 7) {
		struct sim_stream *st;
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = n;
		s = up(&cfg);
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
		want(0, 0, 300000, 1);
		assert_true(sim_run(s, SEC(20), all_here));
		sim_write(s->s, sim_find(s->s, 0), 1000, true);
		want(1000, 1, 0, 0);
		assert_true(sim_run(s, SEC(5), all_here));
		assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
		sim_free(s);
	}
}

/* Idle streams cost nothing a packet. */
static void stream__ten_thousand_idle(void **state)
{
	struct sim_cfg cfg;
	unsigned int i;
	u64 steps;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->s->conn.local.max_streams_uni = 20000;
	sim_handshake(s);
	s->s->no_read = true;
	for (i = 0; i < 10000; i++) {
		struct sim_stream *st = sim_open(s->c, true);

		assert_non_null(st);
		quic_stream_wrote(&s->c->conn, &st->qs, 1, false);
	}
	sim_pump(s->c);
	sim_run(s, SEC(5), NULL);
	assert_int_equal(s->s->n_opened, 10000);
	assert_int_equal(s->s->rx_bytes, 10000);
	assert_true(list_empty(&s->c->conn.streams.active));
	steps = s->steps;
	want(0, 0, 10000 + 200000, 0);
	sim_write(s->c, sim_open(s->c, true), 200000, false);
	assert_true(sim_run(s, SEC(5), all_here));
	assert_true(s->steps - steps < 1000);
	assert_clean(s);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(stream__sizes),
	TEST(stream__fills_link),
	TEST(stream__both_ways),
	TEST(stream__many),
	TEST(stream__fair),
	TEST(stream__stream_limit),
	TEST(stream__open_id),
	TEST(stream__flow_blocked),
	TEST(stream__conn_blocked),
	TEST(stream__auto_tuning),
	TEST(stream__reset),
	TEST(stream__stop_sending),
	TEST(stream__stop_when_known),
	TEST(stream__request_one_lost),
	TEST(stream__full_queue),
	TEST(stream__bad_network),
	TEST(stream__limits_lost),
	TEST(stream__no_memory),
	TEST(stream__ten_thousand_idle),
};

TEST_MAIN(tests)
