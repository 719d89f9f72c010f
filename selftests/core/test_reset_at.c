// SPDX-License-Identifier: GPL-2.0
/* RESET_STREAM_AT (draft-ietf-quic-reliable-stream-reset): both ends over a simulated network. */
#include "test.h"
#include "sim.h"

static int reset_at(struct sim_ep *ep, struct sim_stream *st, u64 code, u64 reliable)
{
	return quic_stream_reset_at(&ep->conn, &st->qs, code, reliable);
}

/* What is below is delivered, the reset is told with its code, and all settles. */
static void reset_at__before_it_was_sent(void **state)
{
	static const u32 reliable[] = { 0, 1, 4000, 9999, 10000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reliable); i++) {
		struct sim *s = sim_up_plain();
		struct sim_stream *st = sim_open(s->c, true), *peer;

		s->s->keep = true;
		assert_int_equal(quic_stream_wrote(&s->c->conn, &st->qs, 10000, false), 0);
		assert_int_equal(reset_at(s->c, st, 7, reliable[i]), 0);
		assert_int_equal(quic_stream_wrote(&s->c->conn, &st->qs, 1, false), -EINVAL);
		sim_pump(s->c);
		sim_run(s, SEC(1), NULL);
		peer = sim_find(s->s, 2);
		assert_non_null(peer);
		assert_true(peer->reset);
		assert_false(peer->fin);
		assert_int_equal(peer->qs.rx.reset_code, 7);
		assert_int_equal(peer->qs.rx.final_size, reliable[i]);
		assert_int_equal(peer->read, reliable[i]);
		assert_int_equal(s->s->rx_bytes, reliable[i]);
		assert_int_equal(peer->qs.rx.state, QUIC_RECV_RESET_READ);
		assert_int_equal(s->c->n_sent_all, 1);
		assert_null(sim_find(s->c, 2));
		sim_assert_clean(s);
		quic_stream_release(&s->s->conn, &peer->qs);
		sim_assert_settled(s);
		sim_free(s);
	}
}

static bool drop_some(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return len > 1000 && n % 2;
}

/* 5: lost bytes below come again, those above do not */
static void reset_at__lost_data(void **state)
{
	struct sim *s = sim_up_plain();
	struct sim_stream *st = sim_open(s->c, true);

	s->c->link.drop = drop_some;
	sim_write(s->c, st, 10000, false);
	sim_run(s, MS(5), NULL);
	assert_int_equal(st->qs.tx.next, 10000);
	assert_int_equal(reset_at(s->c, st, 9, 3000), 0);
	s->c->link.drop = NULL;
	sim_pump(s->c);
	sim_run(s, SEC(2), NULL);
	assert_int_equal(s->s->n_reset, 1);
	assert_true(s->s->rx_bytes >= 3000 && s->s->rx_bytes < 10000);
	assert_true(s->c->conn.stats.bytes_retransmitted <= 3000);
	sim_assert_settled(s);
	sim_free(s);
}

/* 4: it waits for the credit its Final Size needs */
static void reset_at__flow_control(void **state)
{
	struct sim *s = sim_up_plain();
	struct sim_stream *st = sim_open(s->c, true);
	u64 window = st->qs.tx.max;

	s->s->no_read = true;
	sim_write(s->c, st, window + 50000, false);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(st->qs.tx.next, window);
	assert_int_equal(reset_at(s->c, st, 1, window + 1000), 0);
	sim_pump(s->c);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_reset, 0);
	assert_true(st->qs.tx.reset_wanted);
	assert_int_equal(st->qs.tx.state, QUIC_SEND_SEND);
	s->s->no_read = false;
	sim_read_all(s->s);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_reset, 1);
	assert_int_equal(s->s->rx_bytes, window + 1000);
	sim_assert_settled(s);
	sim_free(s);
}

/* 5.1: the end may be known already */
static void reset_at__after_fin(void **state)
{
	struct sim *s = sim_up_plain();
	struct sim_stream *st = sim_open(s->c, true);

	s->c->link.down = true;
	sim_write(s->c, st, 5000, true);
	sim_run(s, MS(10), NULL);
	assert_true(st->qs.tx.fin_sent);
	assert_int_equal(reset_at(s->c, st, 3, 2000), 0);
	s->c->link.down = false;
	sim_pump(s->c);
	sim_run(s, SEC(2), NULL);
	assert_int_equal(s->s->n_reset, 1);
	assert_int_equal(s->s->n_fin, 0);
	assert_true(s->s->rx_bytes >= 2000);
	sim_assert_settled(s);
	sim_free(s);
}

/* 5.2: less, never more; and RESET_STREAM, with the same code, is none at all */
static void reset_at__again(void **state)
{
	struct sim *s = sim_up_plain();
	struct sim_stream *st = sim_open(s->c, true);

	s->c->link.down = true;
	sim_write(s->c, st, 5000, false);
	sim_run(s, MS(10), NULL);
	assert_int_equal(reset_at(s->c, st, 3, 5001), -EINVAL);
	assert_int_equal(reset_at(s->c, st, 3, 4000), 0);
	sim_pump(s->c);
	assert_int_equal(st->qs.tx.state, QUIC_SEND_SENT);
	assert_int_equal(reset_at(s->c, st, 3, 4001), -EINVAL);
	assert_int_equal(reset_at(s->c, st, 4, 1000), -EINVAL);
	assert_int_equal(quic_stream_reset(&s->c->conn, &st->qs, 4), -EINVAL);
	assert_int_equal(reset_at(s->c, st, 3, 1000), 0);
	s->c->link.down = false;
	sim_pump(s->c);
	sim_run(s, SEC(3), NULL);
	assert_int_equal(s->s->n_reset, 1);
	assert_in_range(s->s->rx_bytes, 1000, 4000);
	sim_assert_settled(s);

	st = sim_open(s->c, true);
	s->c->link.down = true;
	sim_write(s->c, st, 5000, false);
	sim_run(s, MS(10), NULL);
	assert_int_equal(reset_at(s->c, st, 3, 4000), 0);
	sim_pump(s->c);
	assert_int_equal(quic_stream_reset(&s->c->conn, &st->qs, 3), 0);
	assert_int_equal(reset_at(s->c, st, 3, 0), -EINVAL);
	s->c->link.down = false;
	sim_pump(s->c);
	sim_run(s, SEC(3), NULL);
	assert_int_equal(s->s->n_reset, 2);
	sim_assert_settled(s);
	s->c->conn.remote.reset_stream_at = false;
	st = sim_open(s->c, true);
	assert_int_equal(reset_at(s->c, st, 3, 0), -EOPNOTSUPP);
	sim_free(s);
}

/* 5.4: STOP_SENDING is answered with RESET_STREAM, which keeps the code that was given */
static void reset_at__stopped(void **state)
{
	struct sim *s = sim_up_plain();
	struct sim_stream *st = sim_open(s->c, true), *peer;

	s->s->keep = true;
	s->s->no_read = true;
	sim_write(s->c, st, st->qs.tx.max + 1000, false);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(reset_at(s->c, st, 3, st->qs.tx.max + 500), 0);
	sim_pump(s->c);
	peer = sim_find(s->s, 2);
	assert_int_equal(quic_stream_stop(&s->s->conn, &peer->qs, 99), 0);
	sim_pump(s->s);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_reset, 1);
	assert_int_equal(peer->qs.rx.reset_code, 3);
	assert_null(sim_find(s->c, 2));
	sim_free(s);
}

static void send_frame(struct sim_ep *from, const u64 *v, unsigned int n)
{
	u8 b[200], *p = b;

	while (n--)
		p = quic_varint_put(p, *v++);
	sim_inject(from, QUIC_LEVEL_APP, b, p - b);
}

#define FRAME(from, ...) send_frame(from, (const u64[]){ __VA_ARGS__ }, \
				    sizeof((const u64[]){ __VA_ARGS__ }) / sizeof(u64))

/* Receiving, frame by frame */
static void reset_at__receiver(void **state)
{
	struct sim *s = sim_up_plain();
	struct sim_stream *st;

	s->hostile = true;
	s->s->keep = true;
	/* bytes 5 to 9 first: the size is known, five are missing */
	FRAME(s->c, 0x0e, 2, 5, 5, 1, 2, 3, 4, 5);
	FRAME(s->c, 0x24, 2, 77, 20, 8);
	st = sim_find(s->s, 2);
	assert_int_equal(st->qs.rx.state, QUIC_RECV_SIZE_KNOWN);
	assert_int_equal(s->s->n_size_known, 1);
	/* overtaken: larger, ignored */
	FRAME(s->c, 0x24, 2, 77, 20, 20);
	assert_int_equal(st->qs.rx.reliable, 8);
	FRAME(s->c, 0x0a, 2, 5, 1, 2, 3, 4, 5);
	assert_int_equal(s->s->n_reset, 1);
	assert_int_equal(s->s->n_size_known, 1);
	assert_int_equal(st->qs.rx.readable, 10);
	sim_read_all(s->s);
	assert_int_equal(st->read, 10);
	assert_int_equal(st->qs.rx.state, QUIC_RECV_RESET_READ);
	assert_int_equal(s->s->conn.rx_flow.consumed, 20);
	/* what comes late is nothing new */
	FRAME(s->c, 0x0e, 2, 10, 2, 9, 9);
	FRAME(s->c, 0x04, 2, 77, 20);
	assert_int_equal(s->s->n_reset, 1);
	assert_int_equal(s->s->rx_bytes, 10);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	/* a lower one completes it; so does RESET_STREAM */
	FRAME(s->c, 0x0a, 6, 4, 1, 2, 3, 4);
	FRAME(s->c, 0x24, 6, 77, 20, 8);
	FRAME(s->c, 0x24, 6, 77, 20, 3);
	assert_int_equal(s->s->n_reset, 2);
	FRAME(s->c, 0x24, 10, 5, 20, 8);
	FRAME(s->c, 0x04, 10, 5, 20);
	assert_int_equal(s->s->n_reset, 3);
	assert_int_equal(sim_find(s->s, 10)->qs.rx.readable, 0);
	sim_free(s);
}

static void reset_at__violations(void **state)
{
	static const struct { u64 first[6], second[6]; u64 code; } t[] = {
		{ { 0x24, 2, 1, 5, 6 }, { 0 }, QUIC_ERR_FRAME_ENCODING },
		{ { 0x24, 2, 1, QUIC_DEF_STREAM_WINDOW + 1, 0 }, { 0 }, QUIC_ERR_FLOW_CONTROL },
		{ { 0x24, 3, 1, 5, 1 }, { 0 }, QUIC_ERR_STREAM_STATE },
		{ { 0x24, 402, 1, 5, 1 }, { 0 }, QUIC_ERR_STREAM_LIMIT },
		{ { 0x24, 2, 1, 9, 5 }, { 0x24, 2, 2, 9, 5 }, QUIC_ERR_STREAM_STATE },
		{ { 0x24, 2, 1, 9, 5 }, { 0x04, 2, 2, 9, 0 }, QUIC_ERR_STREAM_STATE },
		{ { 0x24, 2, 1, 9, 5 }, { 0x24, 2, 1, 8, 5 }, QUIC_ERR_FINAL_SIZE },
		{ { 0x24, 2, 1, 9, 5 }, { 0x24, 2, 1, 10, 5 }, QUIC_ERR_FINAL_SIZE },
		{ { 0x24, 2, 1, 9, 5 }, { 0x0f, 2, 9, 1, 7 }, QUIC_ERR_FINAL_SIZE },
		{ { 0x24, 2, 1, 9, 5 }, { 0x0f, 2, 7, 1, 7 }, QUIC_ERR_FINAL_SIZE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct sim *s = sim_up_plain();

		s->hostile = true;
		send_frame(s->c, t[i].first, 5);
		if (t[i].second[0])
			send_frame(s->c, t[i].second, 5);
		assert_int_equal(s->s->conn.state, QUIC_CONN_CLOSING);
		assert_int_equal(s->s->conn.close.code, t[i].code);
		sim_free(s);
	}
}

struct plan {
	struct sim_ep *ep;
	u64 id;
	u32 reliable;
};

static void later(struct sim *s, void *arg)
{
	struct plan *p = arg;
	struct sim_stream *st = sim_find(p->ep, p->id);

	if (st && p->reliable < st->qs.tx.written)
		reset_at(p->ep, st, p->id, p->reliable);
	sim_pump(p->ep);
}

/* Whatever the network does, what was promised arrives and nothing stays behind. */
static void reset_at__bad_network(void **state)
{
	unsigned int run, i;

	for (run = 0; run < 40; run++) {
		struct plan plan[8];
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = run + 1;
		s = sim_up(&cfg);
		for (i = 0; i < 2; i++) {
			s->ep[i].link.loss = 150;
			s->ep[i].link.reorder = 200;
			s->ep[i].link.reorder_by = MS(15);
			s->ep[i].link.dup = 100;
		}
		for (i = 0; i < 8; i++) {
			struct sim_ep *ep = &s->ep[i % 2];
			struct sim_stream *st = sim_open(ep, i & 2);

			plan[i] = (struct plan){ ep, st->qs.id, sim_rnd(s) % 60000 };
			/* the peer's half of a bidirectional one: nothing to say */
			sim_at(s, s->now + MS(sim_rnd(s) % 200), later, &plan[i]);
			sim_write(ep, st, 1 + sim_rnd(s) % 60000, i >= 6);
		}
		sim_run(s, SEC(30), NULL);
		for (i = 0; i < 2; i++) {
			struct sim_stream *st, *tmp;

			/* Those never reset, and the answers, end here. */
			list_for_each_entry_safe(st, tmp, &s->ep[i].streams, node)
				if (st->qs.tx.exists && !st->qs.tx.fin &&
				    st->qs.tx.state <= QUIC_SEND_SENT)
					sim_write(&s->ep[i], st, 0, true);
		}
		sim_run(s, SEC(30), NULL);
		sim_assert_settled(s);
		sim_free(s);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(reset_at__before_it_was_sent),
	TEST(reset_at__lost_data),
	TEST(reset_at__flow_control),
	TEST(reset_at__after_fin),
	TEST(reset_at__again),
	TEST(reset_at__stopped),
	TEST(reset_at__receiver),
	TEST(reset_at__violations),
	TEST(reset_at__bad_network),
};

TEST_MAIN(tests)
