// SPDX-License-Identifier: GPL-2.0
/* Receiving: windows and their growth, resets, STOP_SENDING, limits that get lost. */
#include "test.h"
#include "sim.h"

#define RTT	MS(20)

/* The application does not read: the sender stops at the limit, and goes on when it does. */
static void stream_rx__flow_blocked(void **state)
{
	struct sim_stream *st;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_up(&cfg);
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
	sim_want(0, 0, 600000, 1);
	sim_read_all(s->s);
	assert_true(sim_run(s, SEC(5), sim_all_here));
	assert_true(sim_elapsed(s) < 4 * RTT);
	sim_assert_clean(s);
	sim_free(s);
}

/* Many streams share the connection's window. */
static void stream_rx__conn_blocked(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;

	sim_config(&cfg);
	s = sim_up(&cfg);
	s->s->no_read = true;
	for (i = 0; i < 10; i++)
		sim_write(s->c, sim_open(s->c, true), 200000, true);
	sim_run(s, SEC(2), NULL);
	assert_int_equal(s->s->rx_bytes, QUIC_DEF_CONN_WINDOW);
	assert_int_equal(s->c->conn.tx_data, s->c->conn.tx_max);
	assert_int_equal(s->c->conn.tx_blocked_at, s->c->conn.tx_max);
	assert_int_equal(s->c->conn.streams.ready, 0);
	assert_false(list_empty(&s->c->conn.streams.blocked));
	s->s->no_read = false;
	sim_want(0, 0, 2000000, 10);
	sim_read_all(s->s);
	assert_true(sim_run(s, SEC(5), sim_all_here));
	sim_run(s, SEC(1), NULL);
	sim_assert_clean(s);
	sim_assert_settled(s);
	sim_free(s);
}

/* On a long fat path the window grows until it does not limit; a slow reader's does not. */
static void stream_rx__auto_tuning(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 rate = 12500000, len = 60000000;

	sim_config(&cfg);
	cfg.delay = MS(100);
	cfg.rate = rate;
	s = sim_up(&cfg);
	sim_want(0, 0, len, 1);
	sim_write(s->c, sim_open(s->c, true), len, true);
	assert_true(sim_run(s, SEC(60), sim_all_here));
	assert_true(s->s->conn.rx_flow.window >= rate / 5);
	assert_true(s->s->conn.rx_flow.window <= QUIC_MAX_WINDOW);
	/* Slow start takes 8 round trips, half of its bytes the last; no window makes it longer. */
	assert_true(sim_elapsed(s) < len * NSEC_PER_SEC / rate + 9 * MS(200));
	sim_assert_clean(s);
	sim_free(s);

	/* 100 KB a second at 20 ms never needs more than it has. */
	sim_config(&cfg);
	cfg.rate = 100000;
	cfg.queue = 20000;
	s = sim_up(&cfg);
	sim_want(0, 0, 2000000, 1);
	sim_write(s->c, sim_open(s->c, true), 2000000, true);
	assert_true(sim_run(s, SEC(60), sim_all_here));
	assert_int_equal(s->s->conn.rx_flow.window, QUIC_DEF_CONN_WINDOW);
	sim_free(s);
}

static void stream_rx__reset(void **state)
{
	struct sim_stream *st;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_up(&cfg);
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

static void stream_rx__stop_sending(void **state)
{
	struct sim_stream *st, *peer;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_up(&cfg);
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
	sim_assert_clean(s);
	sim_free(s);
}

static void stream_rx__stop_when_known(void **state)
{
	struct sim_stream *st, *peer;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_up(&cfg);
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

/* MAX_DATA, MAX_STREAM_DATA, MAX_STREAMS get lost like anything else, and come again. */
static void stream_rx__limits_lost(void **state)
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
		sim_want(0, 0, 40 * 20000, 40);
		while (!sim_all_here(s) && sim_elapsed(s) < SEC(60)) {
			struct sim_stream *st = opened < 40 ? sim_open(s->c, true) : NULL;

			if (st) {
				opened++;
				sim_write(s->c, st, 20000, true);
			}
			sim_pump(s->c);
			sim_run(s, MS(10), sim_all_here);
		}
		assert_true(sim_all_here(s));
		assert_true(sim_elapsed(s) < SEC(30));
		sim_free(s);
	}
}

/* @n one-byte frames of stream 2, each two below the one before */
static void crumbs(struct sim *s, u64 from, unsigned int n)
{
	u8 b[2000], *p = b;

	for (; n--; from -= 2) {
		*p++ = 0x0e;
		*p++ = 2;
		p = quic_varint_put(p, from);
		*p++ = 1;
		*p++ = 'x';
	}
	sim_inject(s->c, QUIC_LEVEL_APP, b, p - b);
}

/*
 * Bytes that come one by one from behind: a packet of very many with very many there already
 * counts as lost, as moving them aside would cost more than it is worth; fewer are taken.
 */
static void stream_rx__crumbs(void **state)
{
	struct sim_cfg cfg;
	struct quic_stream *st;
	struct sim *s;
	u64 at = 100000;
	u32 n;

	sim_config(&cfg);
	s = sim_up(&cfg);
	s->hostile = true;
	s->s->no_read = true;
	crumbs(s, at, 100);
	st = quic_stream_find(&s->s->conn, 2);
	assert_int_equal(st->rx.ooo.n, 100);
	for (at -= 200; st->rx.ooo.n < 2000; at -= 32)
		crumbs(s, at, 16);
	n = st->rx.ooo.n;
	crumbs(s, at, 200);
	assert_in_range(st->rx.ooo.n, n, n + 17);
	n = st->rx.ooo.n;
	crumbs(s, at - 1000, 15);
	assert_int_equal(st->rx.ooo.n, n + 15);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(stream_rx__flow_blocked),
	TEST(stream_rx__conn_blocked),
	TEST(stream_rx__auto_tuning),
	TEST(stream_rx__reset),
	TEST(stream_rx__stop_sending),
	TEST(stream_rx__stop_when_known),
	TEST(stream_rx__limits_lost),
	TEST(stream_rx__crumbs),
};

TEST_MAIN(tests)
