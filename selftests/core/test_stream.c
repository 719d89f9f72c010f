// SPDX-License-Identifier: GPL-2.0
/* Which streams there are: opening, limits, what they cost, when they go. */
#include "test.h"
#include "sim.h"

#define RTT	MS(20)

static void stream__stream_limit(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;
	int err;

	sim_config(&cfg);
	s = sim_up(&cfg);
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
	sim_assert_clean(s);
	sim_free(s);
}

static void stream__open_id(void **state)
{
	struct quic_stream *a;
	struct sim_cfg cfg;
	struct sim *s;
	int err;

	sim_config(&cfg);
	s = sim_up(&cfg);
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
	/* there they are, once somebody looks */
	assert_int_equal(s->s->n_opened, 1);
	assert_non_null(quic_stream_find(&s->s->conn, 4));
	assert_non_null(quic_stream_find(&s->s->conn, 0));
	assert_null(quic_stream_find(&s->s->conn, 12));
	assert_int_equal(s->s->n_opened, 3);
	sim_free(s);
}

/* One byte and FIN on @s's stream of the peer's @id */
static void touch(struct sim *s, u64 id)
{
	u8 b[16] = { 0x0b }, *p = quic_varint_put(b + 1, id);

	*p++ = 1;
	*p++ = 'x';
	sim_inject(s->c, QUIC_LEVEL_APP, b, p - b);
}

/* RFC 9000, 3.2: one frame opens all below; objects come when they are needed, few at a time. */
static void stream__opened_by_a_later_one(void **state)
{
	enum { N = 16384 };
	unsigned int i, before, most = 0;
	static u16 order[N];
	struct sim_cfg cfg;
	struct sim *s;
	u64 seed = 3;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->s->conn.local.max_streams_uni = N;
	s->s->conn.local.max_data = 1 << 20;
	sim_handshake(s);
	s->hostile = true;
	touch(s, (N - 1) * 4 + 2);
	assert_int_equal(s->s->n_opened, 1);
	assert_int_equal(s->s->conn.streams.count, 1);
	assert_int_equal(s->s->conn.streams.kind[1].peer_next, N);
	/* every second one from below, which leaves as many gaps; then all the others */
	for (i = 0; i < N - 1; i++)
		order[i] = i < N / 2 ? 2 * i : 2 * (i - N / 2) + 1;
	for (i = N / 2; i < N - 1; i++) {
		unsigned int j = N / 2 + rnd(&seed) % (N - 1 - N / 2);

		swap(order[i], order[j]);
	}
	for (i = 0; i < N - 1; i++) {
		before = s->s->n_opened;
		touch(s, order[i] * 4 + 2);
		most = max(most, s->s->n_opened - before);
	}
	assert_true(most <= N / QUIC_UNSEEN_RANGES + 1);
	assert_int_equal(s->s->n_opened, N);
	assert_int_equal(s->s->n_fin, N);
	assert_int_equal(s->s->conn.streams.kind[1].unseen->n, 0);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	/* late frames for those that came and went mean nothing */
	sim_read_all(s->s);
	touch(s, 6);
	assert_int_equal(s->s->n_opened, N);
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
	s = sim_up(&cfg);
	open_many(s, s->c, 200, 2000);
	sim_want(0, 0, 200 * 2000, 200);
	assert_true(sim_run(s, SEC(1), sim_all_here));
	assert_true(sim_elapsed(s) < 6 * RTT);
	sim_want(100 * 3000, 100, 0, 0);
	answer(s->s, 3000);
	assert_true(sim_run(s, SEC(1), sim_all_here));
	sim_run(s, SEC(1), NULL);
	sim_assert_clean(s);
	sim_assert_settled(s);
	/* 200 objects each side, all given back */
	assert_int_equal(s->c->n_freed, 200);
	assert_int_equal(s->s->n_freed, 200);
	sim_free(s);
}

static void stream__no_memory_to_open(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	int err;

	sim_config(&cfg);
	s = sim_up(&cfg);
	os_alloc_fail_after(1);
	assert_null(quic_stream_open(&s->c->conn, true, &err));
	assert_int_equal(err, -ENOMEM);
	os_alloc_fail_after(0);
	assert_non_null(quic_stream_open(&s->c->conn, true, &err));
	sim_free(s);
}

/* A stream that somebody holds outlives its ends. */
static void stream__release(void **state)
{
	struct sim_stream *st;
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_up(&cfg);
	s->c->keep = true;
	st = sim_open(s->c, true);
	sim_write(s->c, st, 1000, true);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(st->qs.tx.state, QUIC_SEND_RECVD);
	assert_int_equal(s->c->conn.streams.count, 1);
	quic_stream_release(&s->c->conn, &st->qs);
	assert_int_equal(s->c->conn.streams.count, 0);
	st = sim_open(s->c, true);
	sim_write(s->c, st, 1000, true);
	quic_stream_release(&s->c->conn, &st->qs);
	assert_int_equal(s->c->conn.streams.count, 1);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->c->conn.streams.count, 0);
	assert_int_equal(s->s->n_fin, 2);
	sim_free(s);
}

/* What the peer may open anew goes by what we hold: it must not end faster than we let go. */
static void stream__credit_when_released(void **state)
{
	struct sim_stream *st, *tmp;
	struct sim_cfg cfg;
	unsigned int i;
	struct sim *s;

	sim_config(&cfg);
	s = sim_up(&cfg);
	s->s->keep = true;
	for (i = 0; i < QUIC_DEF_STREAMS_UNI; i++) {
		st = sim_open(s->c, true);
		sim_write(s->c, st, 10, i & 1);
		if (!(i & 1))
			assert_int_equal(quic_stream_reset(&s->c->conn, &st->qs, 7), 0);
	}
	sim_pump(s->c);
	sim_run(s, SEC(1), NULL);
	sim_read_all(s->s);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->conn.streams.count, QUIC_DEF_STREAMS_UNI);
	assert_int_equal(s->c->conn.streams.kind[1].local_max, QUIC_DEF_STREAMS_UNI);
	list_for_each_entry_safe(st, tmp, &s->s->streams, node)
		quic_stream_release(&s->s->conn, &st->qs);
	assert_int_equal(s->s->conn.streams.count, 0);
	sim_pump(s->s);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->c->conn.streams.kind[1].local_max, 2 * QUIC_DEF_STREAMS_UNI);
	sim_free(s);
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
	assert_int_equal(s->c->conn.streams.ready, 0);
	steps = s->steps;
	sim_want(0, 0, 10000 + 200000, 0);
	sim_write(s->c, sim_open(s->c, true), 200000, false);
	assert_true(sim_run(s, SEC(5), sim_all_here));
	assert_true(s->steps - steps < 1000);
	sim_assert_clean(s);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(stream__stream_limit),
	TEST(stream__open_id),
	TEST(stream__opened_by_a_later_one),
	TEST(stream__many),
	TEST(stream__no_memory_to_open),
	TEST(stream__release),
	TEST(stream__credit_when_released),
	TEST(stream__ten_thousand_idle),
};

TEST_MAIN(tests)
