// SPDX-License-Identifier: GPL-2.0
/* When things happen by themselves: idle timeout, keep-alive, delayed ACKs, PTO, pacing. */
#include "test.h"
#include "sim.h"

#define RTT	MS(20)

static struct sim *up(struct sim_cfg *cfg)
{
	struct sim *s = sim_new(cfg);

	sim_handshake(s);
	sim_run(s, MS(500), NULL);
	s->start = s->now;
	return s;
}

static bool server_has_it(struct sim *s)
{
	return s->s->n_fin;
}

static void conn_timer__idle(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 last[2];
	unsigned int i;

	sim_config(&cfg);
	cfg.idle_timeout = SEC(5);
	s = up(&cfg);
	s->c->conn.local.max_idle_timeout = SEC(5);
	sim_write(s->c, sim_open(s->c, true), 100, true);
	sim_run(s, SEC(4), NULL);
	for (i = 0; i < 2; i++) {
		assert_int_equal(s->ep[i].conn.state, QUIC_CONN_ESTABLISHED);
		last[i] = s->ep[i].conn.idle_at - SEC(5);
		assert_true(last[i] >= s->start && last[i] < s->start + 4 * RTT);
	}
	sim_run(s, SEC(2), NULL);
	for (i = 0; i < 2; i++) {
		assert_int_equal(s->ep[i].conn.state, QUIC_CONN_CLOSED);
		assert_int_equal(s->ep[i].t_closed, last[i] + SEC(5));
		assert_true(s->ep[i].conn.close.silent);
		assert_int_equal(quic_conn_deadline(&s->ep[i].conn, s->now), U64_MAX);
		assert_false(quic_tx_pending(&s->ep[i].conn, s->now));
	}
	sim_free(s);
}

/* RFC 9000, 10.1: the smaller of both counts, and not less than three PTO */
static void conn_timer__idle_agreed(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->c->conn.local.max_idle_timeout = 0;
	s->s->conn.local.max_idle_timeout = MS(700);
	sim_handshake(s);
	assert_int_equal(s->c->conn.idle_timeout, MS(700));
	assert_int_equal(s->s->conn.idle_timeout, MS(700));
	sim_run(s, SEC(2), NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSED);
	assert_int_equal(s->s->conn.state, QUIC_CONN_CLOSED);
	sim_free(s);

	cfg.delay = MS(200);
	s = sim_new(&cfg);
	s->c->conn.local.max_idle_timeout = MS(10);
	sim_handshake(s);
	assert_true(s->c->conn.idle_at - s->now >= 3 * MS(400));
	sim_free(s);
}

/* Sending what is never answered extends the time once only. */
static void conn_timer__idle_unanswered(void **state)
{
	struct sim_cfg cfg;
	struct sim_stream *st;
	struct sim *s;
	u64 at;

	sim_config(&cfg);
	cfg.idle_timeout = SEC(5);
	s = up(&cfg);
	sim_run(s, SEC(1), NULL);
	s->c->link.down = true;
	st = sim_open(s->c, true);
	sim_write(s->c, st, 100, false);
	at = s->now + SEC(5);
	assert_int_equal(s->c->conn.idle_at, at);
	sim_run(s, SEC(3), NULL);
	sim_write(s->c, st, 100, false);
	assert_int_equal(s->c->conn.idle_at, at);
	sim_run(s, SEC(3), NULL);
	assert_int_equal(s->c->t_closed, at);
	sim_free(s);
}

/* No idle timeout, or a long one, is for connections: a handshake nobody answers ends. */
static void conn_timer__handshake_unanswered(void **state)
{
	static const u64 timeouts[] = { 0, SEC(3600) };
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;
	u64 start;

	for (i = 0; i < ARRAY_SIZE(timeouts); i++) {
		sim_config(&cfg);
		s = sim_new(&cfg);
		s->c->conn.local.max_idle_timeout = timeouts[i];
		s->s->conn.local.max_idle_timeout = timeouts[i];
		s->c->link.down = true;
		start = s->now;
		assert_int_equal(sim_connect(s), 0);
		sim_run(s, SEC(200), NULL);
		assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSED);
		assert_true(s->c->conn.close.silent);
		assert_int_equal(s->c->t_closed, start + QUIC_HANDSHAKE_IDLE_NS);
		sim_free(s);

		/* Once it is through, the time that counts is what was chosen. */
		s = sim_new(&cfg);
		s->c->conn.local.max_idle_timeout = timeouts[i];
		s->s->conn.local.max_idle_timeout = timeouts[i];
		sim_handshake(s);
		sim_run(s, SEC(3000), NULL);
		assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
		assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
		sim_free(s);
	}
}

static void conn_timer__keepalive(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 before;

	sim_config(&cfg);
	cfg.idle_timeout = SEC(5);
	cfg.keepalive = SEC(2);
	s = up(&cfg);
	before = s->c->link.offered;
	sim_run(s, SEC(60), NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	/* A PING or its ACK every two seconds, not more */
	assert_in_range(s->c->link.offered - before, 28, 64);
	/* The server gives up first; until then its own PINGs keep the client. */
	s->c->link.down = true;
	sim_run(s, SEC(13), NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSED);
	assert_int_equal(s->s->conn.state, QUIC_CONN_CLOSED);
	sim_free(s);
}

static bool lose_next;

static bool drop_next(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	bool drop = lose_next;

	lose_next = false;
	return drop;
}

/* The only packet of a message is lost: one PTO later it is there. */
static void conn_timer__tail_loss(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 pto;

	sim_config(&cfg);
	s = up(&cfg);
	s->c->link.drop = drop_next;
	lose_next = true;
	pto = quic_loss_pto(&s->c->conn.loss);
	sim_write(s->c, sim_open(s->c, true), 500, true);
	assert_false(lose_next);
	assert_true(sim_run(s, SEC(3), server_has_it));
	assert_int_equal(sim_elapsed(s), pto + RTT / 2);
	assert_int_equal(s->c->conn.stats.bytes_retransmitted, 500);
	assert_in_range(s->c->conn.stats.packets_retransmitted, 1, 2);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->c->conn.loss.pto_count, 0);
	sim_free(s);
}

/* Two probes leave at a PTO (RFC 9002, 6.2.4), each PTO later than the last. */
static void conn_timer__pto_backoff(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 pto, before;
	unsigned int i;

	sim_config(&cfg);
	s = up(&cfg);
	s->c->link.down = true;
	before = s->c->link.offered;
	pto = quic_loss_pto(&s->c->conn.loss);
	sim_write(s->c, sim_open(s->c, true), 500, true);
	assert_int_equal(s->c->link.offered - before, 1);
	for (i = 0; i < 5; i++) {
		sim_run(s, (pto << i) - 1, NULL);
		assert_int_equal(s->c->link.offered - before, 1 + 2 * i);
		sim_run(s, 1, NULL);
		assert_int_equal(s->c->link.offered - before, 3 + 2 * i);
	}
	s->c->link.down = false;
	assert_true(sim_run(s, (pto << 5) + RTT / 2, server_has_it));
	sim_free(s);
}

/* A single loss in the middle is repaired by ACKs, a round trip later, without a PTO. */
static void conn_timer__fast_repair(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = up(&cfg);
	s->c->link.drop = drop_next;
	lose_next = true;
	sim_write(s->c, sim_open(s->c, true), 14000, true);
	assert_true(sim_run(s, SEC(3), server_has_it));
	/* 10 packets paced over a round trip, then the lost one */
	assert_true(sim_elapsed(s) <= 2 * RTT + RTT / 2);
	assert_in_range(s->c->conn.stats.bytes_retransmitted, 1000, 1452);
	assert_int_equal(s->c->conn.stats.packets_retransmitted, 1);
	assert_int_equal(s->c->conn.loss.packets_lost, 1);
	/* The FIN came over the hole. */
	assert_int_equal(s->s->n_size_known, 1);
	sim_free(s);
}

/* A path that was away for a while: the transfer ends soon after it is back. */
static void conn_timer__outage(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.rate = 1250000;
	s = up(&cfg);
	sim_write(s->c, sim_open(s->c, true), 2000000, true);
	sim_run(s, MS(500), NULL);
	s->c->link.down = true;
	s->s->link.down = true;
	sim_run(s, SEC(5), NULL);
	s->c->link.down = false;
	s->s->link.down = false;
	assert_true(sim_run(s, SEC(20), server_has_it));
	/* 1.6 s of data, 5 s away, at most as long again until the next probe, and some growth */
	assert_true(sim_elapsed(s) < SEC(13));
	sim_free(s);
}

/*
 * An initial window leaves at once. After it bursts leave at the pacer's rate: never much more
 * than 2 datagrams, or 1 ms.
 */
static u64 burst_at;
static u32 burst_len, burst_most;

static void measure(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	if (from->sim->now != burst_at)
		burst_len = 0;
	burst_at = from->sim->now;
	burst_len += len;
	burst_most = max(burst_most, burst_len);
}

static void conn_timer__paced(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.delay = MS(50);
	cfg.rate = 1250000;
	s = up(&cfg);
	burst_most = 0;
	s->c->link.tap = measure;
	sim_write(s->c, sim_open(s->c, true), 1000000, true);
	assert_in_range(burst_most, 9 * 1452, 10 * 1452);
	burst_most = 0;
	assert_true(sim_run(s, SEC(10), server_has_it));
	assert_in_range(burst_most, 1452, 4 * 1452);
	sim_free(s);
}

static void conn_timer__rearms(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	/* Any call of timeout() too early changes nothing. */
	sim_config(&cfg);
	s = up(&cfg);
	sim_write(s->c, sim_open(s->c, true), 500, true);
	quic_conn_timeout(&s->c->conn, s->now);
	quic_conn_timeout(&s->s->conn, s->now);
	sim_pump(s->c);
	assert_true(sim_run(s, RTT, server_has_it));
	assert_int_equal(s->c->conn.loss.pto_count, 0);
	assert_int_equal(s->c->conn.stats.bytes_retransmitted, 0);
	assert_int_equal(s->c->conn.stats.packets_retransmitted, 0);
	assert_int_equal(s->s->n_size_known, 0);
	sim_free(s);
}

static u64 sent_in(struct sim *s, struct sim_ep *ep, u64 ns)
{
	u64 before = ep->conn.stats.packets_sent;

	sim_run(s, ns, NULL);
	return ep->conn.stats.packets_sent - before;
}

/* RFC 9000, 4.1: blocked, with nothing in flight, it says so in time for the idle timeout */
static void conn_timer__blocked(void **state)
{
	struct sim_stream *a, *b;
	struct sim_cfg cfg;
	unsigned int i;
	struct sim *s;
	u64 n;

	/* By its own limits, two streams of them; then by the connection's. */
	for (i = 0; i < 2; i++) {
		sim_config(&cfg);
		cfg.idle_timeout = SEC(6);
		s = sim_new(&cfg);
		if (i)
			s->s->conn.local.max_data = 8000;
		else
			s->s->conn.local.max_stream_data_bidi_remote = 4000;
		sim_handshake(s);
		s->s->no_read = true;
		a = sim_open(s->c, false);
		b = sim_open(s->c, false);
		sim_write(s->c, a, 10000, true);
		sim_write(s->c, b, 10000, true);
		sim_run(s, MS(500), NULL);
		assert_int_equal(s->s->rx_bytes, 8000);
		/* Every two seconds, a frame, however many wait. */
		n = sent_in(s, s->c, SEC(60));
		assert_in_range(n, 28, 31);
		assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
		assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
		assert_int_equal(s->c->conn.loss.packets_lost, 0);
		s->s->no_read = false;
		sim_read_all(s->s);
		sim_want(0, 0, 20000, 2);
		assert_true(sim_run(s, SEC(2), sim_all_here));
		/* No longer held back: it is idle, and ends as such. */
		n = sent_in(s, s->c, SEC(5));
		assert_in_range(n, 0, 3);
		sim_run(s, SEC(3), NULL);
		assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSED);
		sim_free(s);
	}
}

/* A peer that is gone is not kept alive by what cannot be said to it. */
static void conn_timer__blocked_alone(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 n;

	sim_config(&cfg);
	cfg.idle_timeout = U64_MAX;
	s = sim_new(&cfg);
	s->s->conn.local.max_data = 4000;
	sim_handshake(s);
	s->s->no_read = true;
	sim_write(s->c, sim_open(s->c, false), 10000, true);
	/* Without a timeout it says so all the same, now and then. */
	sim_run(s, MS(500), NULL);
	n = sent_in(s, s->c, SEC(60));
	assert_in_range(n, 5, 7);
	/* Unanswered, it is a matter of the PTO, which backs off. */
	s->s->link.down = true;
	n = sent_in(s, s->c, SEC(600));
	assert_in_range(n, 4, 40);
	sim_free(s);
	sim_config(&cfg);
	cfg.idle_timeout = SEC(6);
	s = sim_new(&cfg);
	s->s->conn.local.max_data = 4000;
	sim_handshake(s);
	s->s->no_read = true;
	sim_write(s->c, sim_open(s->c, false), 10000, true);
	sim_run(s, SEC(20), NULL);
	s->s->link.down = true;
	sim_run(s, SEC(9), NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSED);
	sim_free(s);
}

/* Of the first flight, two packets' worth of TLS bytes: one may leave at once (RFC 9002, 7.3.2) */
static bool middle_lost(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return n == 1 || n == 2;
}

static bool all_early(struct sim *s)
{
	return s->c->n_fin;
}

static void half_rtt(struct sim *s, void *arg)
{
	sim_write(s->s, sim_open(s->s, true), 400000, true);
}

/*
 * A server's 0.5-RTT data fills the window while TLS bytes are lost: nobody acknowledges the one
 * without the other, so that a probe has to go (RFC 9002, 6.2 and 7).
 */
static void conn_timer__half_rtt(void **state)
{
	unsigned int ms;
	struct sim_cfg cfg;
	struct sim *s;

	for (ms = 0; ms < 40; ms += 4) {
		sim_config(&cfg);
		cfg.flight_len = 4000;
		s = sim_new(&cfg);
		s->s->link.drop = middle_lost;
		assert_int_equal(sim_connect(s), 0);
		sim_at(s, s->now + MS(11) + MS(ms), half_rtt, NULL);
		assert_true(sim_run(s, SEC(3), all_early));
		sim_free(s);
	}
}

static bool all(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return true;
}

/*
 * RFC 9002, 6.2.1: no timer without a reason. TLS bytes that were thought lost, and then were
 * acknowledged, or went with their keys, are not waited for.
 */
static void conn_timer__crypto_not_lost(void **state)
{
	const struct quic_sent_frame f = { .type = QUIC_SENT_CRYPTO, .off = 0, .len = 10 };
	struct sim_cfg cfg;
	struct quic_conn *c;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->s->link.drop = all;
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, MS(50), NULL);
	c = &s->s->conn;
	assert_true(quic_loss_space(&c->loss, QUIC_PNS_HANDSHAKE)->eliciting);
	assert_false(quic_crypto_stream_pending(c, QUIC_LEVEL_HANDSHAKE));

	quic_conn_loss_cb.lost(&c->loss, QUIC_PNS_HANDSHAKE, &f);
	assert_true(c->loss.crypto_lost);
	quic_conn_loss_cb.acked(&c->loss, QUIC_PNS_HANDSHAKE, &f);
	assert_false(c->loss.crypto_lost);

	quic_conn_loss_cb.lost(&c->loss, QUIC_PNS_INITIAL, &f);
	quic_conn_loss_cb.acked(&c->loss, QUIC_PNS_HANDSHAKE, &f);
	assert_true(c->loss.crypto_lost);
	quic_conn_discard(c, QUIC_LEVEL_INITIAL);
	assert_false(c->loss.crypto_lost);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(conn_timer__crypto_not_lost),
	TEST(conn_timer__blocked),
	TEST(conn_timer__blocked_alone),
	TEST(conn_timer__half_rtt),
	TEST(conn_timer__idle),
	TEST(conn_timer__idle_agreed),
	TEST(conn_timer__idle_unanswered),
	TEST(conn_timer__handshake_unanswered),
	TEST(conn_timer__keepalive),
	TEST(conn_timer__tail_loss),
	TEST(conn_timer__pto_backoff),
	TEST(conn_timer__fast_repair),
	TEST(conn_timer__outage),
	TEST(conn_timer__paced),
	TEST(conn_timer__rearms),
};

TEST_MAIN(tests)
