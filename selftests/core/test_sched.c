// SPDX-License-Identifier: GPL-2.0
/*
 * Priorities (RFC 9218): who gets the link, measured over a bottleneck of 10 Mbit/s; that control
 * frames do not wait for more urgent data; and that the lists hold together.
 */
#include "test.h"
#include "sim.h"

#define RATE	1250000ull	/* bytes per second */

static struct sim *up(void)
{
	struct sim_cfg cfg;

	sim_config(&cfg);
	cfg.rate = RATE;
	cfg.queue = 50000;
	return sim_up(&cfg);
}

static struct sim_stream *stream(struct sim *s, u8 urgency, bool incremental, u64 len)
{
	struct sim_stream *st = sim_open(s->c, true);

	assert_int_equal(quic_sched_set(&s->c->conn, &st->qs, urgency, incremental), 0);
	sim_write(s->c, st, len, true);
	return st;
}

/* When each of three has all its bytes sent, ns since the start */
struct sent_at {
	struct sim_stream *st[3];
	u64 at[3], next[3][3];		/* what all had sent then */
};

static struct sent_at *watched;

static bool watch(struct sim *s)
{
	unsigned int i, k, done = 0;

	for (i = 0; i < 3; i++) {
		/* st[] are freed when all is acknowledged, which is later. */
		if (watched->at[i] || watched->st[i]->qs.tx.next < watched->st[i]->qs.tx.written) {
			done += !!watched->at[i];
			continue;
		}
		watched->at[i] = sim_elapsed(s) + 1;
		for (k = 0; k < 3; k++)
			watched->next[i][k] = watched->at[k] ? watched->st[i]->qs.tx.written :
							       watched->st[k]->qs.tx.next;
		done++;
	}
	return done == 3;
}

static void run(struct sim *s, struct sent_at *w)
{
	watched = w;
	s->c->keep = true;
	s->s->keep = true;
	assert_true(sim_run(s, SEC(30), watch));
	print_message("# sent after %llu, %llu, %llu ms\n", w->at[0] / NSEC_PER_MSEC,
		      w->at[1] / NSEC_PER_MSEC, w->at[2] / NSEC_PER_MSEC);
	assert_true(sim_run(s, SEC(5), sim_all_here));
	assert_int_equal(s->c->conn.streams.ready, 0);
	sim_free(s);
}

/* What came last is sent first: the others have only what went before it was there. */
static void sched__urgency(void **state)
{
	struct sim *s = up();
	struct sent_at w = {};

	sim_want(0, 0, 900000, 3);
	w.st[0] = stream(s, 7, true, 300000);
	w.st[1] = stream(s, 3, true, 300000);
	w.st[2] = stream(s, 0, true, 300000);
	run(s, &w);
	/* 240 ms each; slow start and the headers add to that. */
	assert_true(w.at[2] < w.at[1] && w.at[1] < w.at[0]);
	assert_true(w.at[2] < MS(330) && w.at[1] < MS(590));
	/* Nothing of a level goes out while a more urgent one has something */
	assert_true(w.next[2][1] <= 20000 && w.next[2][0] <= 20000 && w.next[1][0] <= 20000);
}

/* Incremental streams of one level share it; the default is that. */
static void sched__incremental(void **state)
{
	struct sim *s = up();
	struct sent_at w = {};
	unsigned int i;

	sim_want(0, 0, 900000, 3);
	for (i = 0; i < 3; i++)
		w.st[i] = stream(s, 5, true, 300000);
	run(s, &w);
	for (i = 0; i < 3; i++)
		assert_true(w.next[0][i] > 280000);
}

/* Others come one after the other, in the order of their IDs, whoever was written to first. */
static void sched__sequential(void **state)
{
	struct sim *s = up();
	struct sent_at w = {};
	unsigned int i;

	sim_want(0, 0, 900000, 3);
	for (i = 0; i < 3; i++) {
		w.st[i] = sim_open(s->c, true);
		assert_int_equal(quic_sched_set(&s->c->conn, &w.st[i]->qs, 2, false), 0);
	}
	for (i = 3; i--;)
		quic_stream_wrote(&s->c->conn, &w.st[i]->qs, 300000, true);
	sim_pump(s->c);
	run(s, &w);
	assert_true(w.at[0] < MS(330) && w.at[1] < MS(590));
	assert_true(w.next[0][1] <= 20000 && w.next[0][2] <= 20000 && w.next[1][2] <= 20000);
}

/* Of a level with both each incremental one gets as much as the row. */
static void sched__mixed(void **state)
{
	struct sim *s = up();
	struct sent_at w = {};

	sim_want(0, 0, 900000, 3);
	w.st[0] = stream(s, 3, false, 200000);
	w.st[1] = stream(s, 3, true, 400000);
	w.st[2] = stream(s, 3, false, 300000);
	run(s, &w);
	/* The row had half: its first stream is through when the ring had as much. */
	assert_true(w.next[0][1] > 180000 && w.next[0][1] < 230000 && w.next[0][2] <= 2000);
	assert_true(w.at[0] < w.at[1] && w.at[1] < w.at[2]);
}

/* A change of mind while both are under way */
static void sched__changed(void **state)
{
	struct sim *s = up();
	struct sent_at w = {};

	sim_want(0, 0, 1200000, 3);
	w.st[0] = stream(s, 1, true, 500000);
	w.st[1] = stream(s, 4, true, 500000);
	w.st[2] = stream(s, 7, false, 200000);
	sim_run(s, MS(200), NULL);
	assert_true(w.st[1]->qs.tx.next <= 20000);
	assert_int_equal(quic_sched_set(&s->c->conn, &w.st[0]->qs, 6, true), 0);
	assert_int_equal(quic_sched_set(&s->c->conn, &w.st[2]->qs, 0, true), 0);
	sim_pump(s->c);
	run(s, &w);
	assert_true(w.at[2] < w.at[1] && w.at[1] < w.at[0]);
}

/*
 * A less urgent stream that we only receive on: its MAX_STREAM_DATA goes out while urgent data
 * fills the link the other way (RFC 9000, 4.1).
 */
static bool all_read(struct sim *s)
{
	return s->c->rx_bytes >= 3000000;
}

static void sched__control(void **state)
{
	struct sim *s = up();
	struct sim_stream *down, *bulk;

	s->s->link.rate = 0;
	s->s->keep = true;
	s->c->keep = true;
	down = sim_open(s->c, false);
	assert_int_equal(quic_sched_set(&s->c->conn, &down->qs, 7, true), 0);
	sim_write(s->c, down, 1, true);
	sim_run(s, MS(100), NULL);
	bulk = stream(s, 0, true, 20000000);
	sim_write(s->s, sim_find(s->s, down->qs.id), 3000000, true);
	/* 256 KiB a round trip at least, more with auto-tuning */
	assert_true(sim_run(s, SEC(2), all_read));
	assert_true(bulk->qs.tx.next < 5000000);
	sim_free(s);
}

static void sched__no_memory(void **state)
{
	struct sim *s = up();
	struct sim_stream *st = sim_open(s->c, true);

	/* The default needs none. */
	os_alloc_fail_after(1);
	assert_int_equal(quic_sched_set(&s->c->conn, &st->qs, 3, true), 0);
	assert_int_equal(quic_sched_set(&s->c->conn, &st->qs, 2, true), -ENOMEM);
	os_alloc_fail_after(0);
	assert_int_equal(st->qs.urgency, QUIC_URGENCY_DEFAULT);
	assert_null(s->c->conn.streams.sched);
	assert_int_equal(quic_sched_set(&s->c->conn, &st->qs, 2, true), 0);
	sim_free(s);
}

/* Any priorities on a bad network, changed at any time: everything arrives, nothing is left. */
static struct sim_stream *lot[24];

static void shuffle(struct sim *s, void *arg)
{
	unsigned int i = sim_rnd(s) % ARRAY_SIZE(lot);
	u8 urgency = sim_rnd(s) % 8;

	assert_int_equal(quic_sched_set(&s->c->conn, &lot[i]->qs, urgency, sim_rnd(s) % 2), 0);
	sim_pump(s->c);
	sim_at(s, s->now + MS(3), shuffle, NULL);
}

static void sched__any(void **state)
{
	struct sim *s = up();
	unsigned int i;

	s->c->link.loss = 30;
	s->s->link.loss = 30;
	s->c->keep = true;
	sim_want(0, 0, 24 * 50000, 24);
	for (i = 0; i < ARRAY_SIZE(lot); i++)
		lot[i] = stream(s, sim_rnd(s) % 8, sim_rnd(s) % 2, 50000);
	shuffle(s, NULL);
	assert_true(sim_run(s, SEC(60), sim_all_here));
	sim_run(s, SEC(5), NULL);
	assert_int_equal(s->c->conn.streams.ready, 0);
	assert_int_equal(s->c->conn.streams.busy, 0);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(sched__urgency),
	TEST(sched__incremental),
	TEST(sched__sequential),
	TEST(sched__mixed),
	TEST(sched__changed),
	TEST(sched__control),
	TEST(sched__no_memory),
	TEST(sched__any),
};

TEST_MAIN(tests)
