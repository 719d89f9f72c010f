// SPDX-License-Identifier: GPL-2.0
/* Connection IDs: issued, used, retired, refused (RFC 9000, 5.1, 19.15, 19.16). */
#include "test.h"
#include "sim.h"

#define RTT	MS(20)

static unsigned int used_remote(const struct quic_conn *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < quic_cid_remotes(&c->cids); i++)
		n += quic_cid_remote_at(&c->cids, i)->used;
	return n;
}

static unsigned int used_local(const struct quic_conn *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < quic_cid_locals(&c->cids); i++)
		n += quic_cid_local_at(&c->cids, i)->used;
	return n;
}

static u64 lowest_local(const struct quic_conn *c)
{
	u64 least = U64_MAX;
	unsigned int i;

	for (i = 0; i < quic_cid_locals(&c->cids); i++)
		if (quic_cid_local_at(&c->cids, i)->used)
			least = min(least, quic_cid_local_at(&c->cids, i)->seq);
	return least;
}

/* One more ID of @ep's own, with a number and bytes of choice */
static void enter_local(struct sim_ep *ep, u64 seq, const struct quic_cid *cid)
{
	struct quic_cids *d = &ep->conn.cids;
	struct quic_cid_local *l;
	unsigned int i;

	if (!d->more)
		d->more = kzalloc(sizeof(*d->more), GFP_KERNEL);
	for (i = 0; quic_cid_local_at(d, i)->used; i++)
		;
	assert_true(i < quic_cid_locals(d));
	l = quic_cid_local_at(d, i);
	l->used = true;
	l->seq = seq;
	l->cid = *cid;
	d->local_next = max(d->local_next, seq + 1);
	d->local_sent = d->local_next;
	assert_int_equal(ep->conn.ops->cid_add(&ep->conn, cid), 0);
}

/* NEW_CONNECTION_ID of @from's making; if @enter is set packets to it arrive. */
static void send_new(struct sim_ep *from, u64 seq, u64 prior_to, u8 tag, u8 len, bool enter)
{
	struct quic_cid cid = { .len = len };
	u8 buf[64], token[QUIC_TOKEN_RESET_LEN], *p;

	memset(cid.id, tag, len);
	memset(token, tag ^ 0x55, sizeof(token));
	if (enter)
		enter_local(from, seq, &cid);
	p = quic_frame_put_new_cid(buf, buf + sizeof(buf), seq, prior_to, cid.id, len, token);
	assert_non_null(p);
	sim_inject(from, QUIC_LEVEL_APP, buf, p - buf);
}

static void cid__issued(void **state)
{
	struct sim *s = sim_up_plain();
	unsigned int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(used_local(&s->ep[i].conn), QUIC_CID_ISSUE);
		assert_int_equal(used_remote(&s->ep[i].conn), QUIC_CID_ISSUE);
	}
	/* 10.3: each comes with its token, the client's first from the parameters */
	for (i = 0; i < quic_cid_remotes(&s->c->conn.cids); i++)
		if (quic_cid_remote_at(&s->c->conn.cids, i)->used)
			assert_true(quic_cid_remote_at(&s->c->conn.cids, i)->has_token);
	sim_free(s);
}

/* NEW_CONNECTION_ID and RETIRE_CONNECTION_ID get lost and come again. */
static void cid__lost(void **state)
{
	u64 seed;

	for (seed = 1; seed < 30; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = seed;
		s = sim_new(&cfg);
		s->c->link.loss = 400;
		s->s->link.loss = 400;
		sim_handshake(s);
		sim_run(s, SEC(20), NULL);
		assert_int_equal(used_remote(&s->c->conn), QUIC_CID_ISSUE);
		assert_int_equal(used_remote(&s->s->conn), QUIC_CID_ISSUE);
		send_new(s->s, 3, 3, 0x77, 8, true);
		sim_pump(s->c);
		sim_run(s, SEC(20), NULL);
		/* All three of the server's are retired and replaced. */
		assert_int_equal(lowest_local(&s->s->conn), 3);
		assert_int_equal(s->c->conn.cids.n_retire, 0);
		assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
		sim_free(s);
	}
}

static void cid__retire_prior_to(void **state)
{
	struct sim *s = sim_up_plain();
	u64 events;

	events = s->s->n_event[QUIC_CEV_CID];
	send_new(s->s, 3, 2, 0x33, 8, true);
	/* 0 and 1 go, the client uses 2 */
	assert_int_equal(used_remote(&s->c->conn), 2);
	assert_int_equal(quic_cid_remote_at(&s->c->conn.cids, s->c->conn.path->cid)->seq, 2);
	sim_pump(s->c);
	sim_run(s, RTT, NULL);
	assert_int_equal(s->s->n_event[QUIC_CEV_CID], events + 2);
	assert_int_equal(lowest_local(&s->s->conn), 2);
	/* Traffic goes on with it. */
	sim_write(s->c, sim_open(s->c, false), 20000, true);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_fin, 1);
	assert_int_equal(s->c->conn.cids.n_retire, 0);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* One that comes late, below what was retired: retired at once, never used. */
static void cid__late(void **state)
{
	struct sim *s = sim_up_plain();

	send_new(s->s, 9, 9, 0x99, 8, true);
	send_new(s->s, 5, 0, 0x55, 8, false);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(used_remote(&s->c->conn), 1);
	assert_int_equal(quic_cid_remote_at(&s->c->conn.cids, s->c->conn.path->cid)->seq, 9);
	assert_int_equal(s->c->conn.cids.n_retire, 4);
	sim_free(s);
}

/*
 * 5.1.2: a frame that comes again for an ID we are done with asks for more to be retired. Not for
 * all there is.
 */
static void cid__repeated_prior_to(void **state)
{
	struct sim *s = sim_up_plain();
	struct quic_conn *c = &s->c->conn;

	send_new(s->s, 3, 0, 0x33, 8, true);
	send_new(s->s, 4, 0, 0x44, 8, true);
	assert_int_equal(quic_cid_use(c, 4, 0, s->now), 0);
	quic_cid_retire_remote(c, 3);
	assert_int_equal(used_remote(c), 4);
	send_new(s->s, 3, 3, 0x33, 8, false);
	assert_int_equal(c->state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(used_remote(c), 1);
	assert_int_equal(quic_cid_remote_at(&c->cids, c->path->cid)->seq, 4);
	assert_int_equal(c->cids.n_retire, 4);
	sim_free(s);

	s = sim_up_plain();
	c = &s->c->conn;
	send_new(s->s, 3, 0, 0x33, 8, true);
	quic_cid_retire_remote(c, 3);
	send_new(s->s, 3, 3, 0x33, 8, false);
	assert_int_equal(c->state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(used_remote(c), 3);
	sim_free(s);
}

static void cid__repeated(void **state)
{
	struct sim *s = sim_up_plain();

	send_new(s->s, 3, 0, 0x33, 8, true);
	send_new(s->s, 3, 0, 0x33, 8, false);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(used_remote(&s->c->conn), 4);
	sim_free(s);
}

/* 19.15: one number for two IDs, one ID for two numbers */
static void cid__contradictions(void **state)
{
	struct sim *s = sim_up_plain();

	send_new(s->s, 3, 0, 0x33, 8, false);
	send_new(s->s, 3, 0, 0x34, 8, false);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
	sim_free(s);
	s = sim_up_plain();
	send_new(s->s, 3, 0, 0x33, 8, false);
	send_new(s->s, 4, 0, 0x33, 8, false);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
	sim_free(s);
	s = sim_up_plain();
	/* prior_to above its own number: the writer does not mind, the parser does */
	send_new(s->s, 3, 4, 0x33, 8, false);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_FRAME_ENCODING);
	sim_free(s);
}

/* 5.1.1: more than we offered to keep */
static void cid__limit(void **state)
{
	struct sim *s = sim_up_plain();
	u64 seq;

	for (seq = 3; seq < QUIC_CID_REMOTE_MAX; seq++)
		send_new(s->s, seq, 0, 0x30 + seq, 8, false);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	send_new(s->s, seq, 0, 0x30 + seq, 8, false);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_CONNECTION_ID_LIMIT);
	sim_free(s);
	/* The same number with room made by prior_to is fine. */
	s = sim_up_plain();
	for (seq = 3; seq < QUIC_CID_REMOTE_MAX; seq++)
		send_new(s->s, seq, 0, 0x30 + seq, 8, false);
	send_new(s->s, seq, 1, 0x30 + seq, 8, false);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* A peer that makes us retire without end, and acknowledges nothing, is not followed. */
static void cid__retire_flood(void **state)
{
	struct sim *s = sim_up_plain();
	u64 seq;

	for (seq = 3; seq < 1000 && s->c->conn.state == QUIC_CONN_ESTABLISHED; seq++)
		send_new(s->s, seq, seq, seq, 8, false);
	assert_true(seq < 50);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_CONNECTION_ID_LIMIT);
	sim_free(s);
}

/* 19.16: one that is issued but not told yet */
static void cid__retired_before_sent(void **state)
{
	struct sim *s = sim_up_plain();
	static const u8 frames[] = { 0x19, 1, 0x19, 3 };

	sim_inject(s->c, QUIC_LEVEL_APP, frames, sizeof(frames));
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
	sim_free(s);
}

/* All of ours are retired: new ones follow, each reachable. */
static void cid__replenish(void **state)
{
	struct sim *s = sim_up_plain();
	u8 frame[4] = { QUIC_FT_RETIRE_CONNECTION_ID, 0, 0, 0 };
	u64 seq;

	for (seq = 1; seq <= 5; seq++) {
		u64 x = 0x4000 | seq;

		/* Number 0 is in use by what carries this. */
		frame[1] = x >> 8;
		frame[2] = x;
		sim_inject(s->c, QUIC_LEVEL_APP, frame, 4);
		assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
		assert_int_equal(used_local(&s->s->conn), QUIC_CID_ISSUE);
		sim_pump(s->s);
		sim_run(s, MS(5), NULL);
	}
	/* Retired already: no news */
	frame[1] = 0x40;
	frame[2] = 5;
	sim_inject(s->c, QUIC_LEVEL_APP, frame, 4);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* --- a client without IDs: RFC 9000, 5.1 --- */

static struct sim *up_empty(bool retry)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.empty_cid = true;
	cfg.retry = retry;
	s = sim_new(&cfg);
	sim_handshake(s);
	sim_run(s, MS(500), NULL);
	return s;
}

static void cid__empty(void **state)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct sim *s = up_empty(i);
		struct sim_stream *a;

		assert_int_equal(s->c->conn.cids.local[0].cid.len, 0);
		assert_true(s->s->conn.cids.remote_empty);
		/* 5.1.1: no others are issued. */
		assert_int_equal(used_local(&s->c->conn), 1);
		assert_int_equal(s->c->conn.cids.local_next, 1);
		assert_int_equal(quic_cid_renew(&s->c->conn, 1), -EINVAL);
		assert_int_equal(used_local(&s->s->conn), QUIC_CID_ISSUE);
		a = sim_open(s->c, false);
		sim_write(s->c, a, 300000, true);
		sim_want(300000, 1, 300000, 1);
		sim_run(s, MS(1), NULL);
		sim_write(s->s, sim_open(s->s, true), 300000, true);
		assert_true(sim_run(s, SEC(5), sim_all_here));
		assert_int_equal(s->c->not_ours, 0);
		assert_true(s->c->trains_rx < s->c->dgrams_rx);
		assert_int_equal(quic_conn_key_update(&s->c->conn, s->now), 0);
		sim_write(s->c, sim_open(s->c, true), 1000, true);
		sim_want(300000, 1, 301000, 2);
		assert_true(sim_run(s, SEC(1), sim_all_here));
		sim_free(s);
	}
}

static void cid__empty_bad_network(void **state)
{
	struct sim *s = up_empty(false);

	sim_bad_network(s);
	s->s->link.coalesce = MS(1);
	sim_write(s->s, sim_open(s->s, true), 300000, true);
	sim_write(s->c, sim_open(s->c, true), 300000, true);
	sim_want(300000, 1, 300000, 1);
	/* A NAT moves it meanwhile: the server knows it by its own IDs. */
	sim_run(s, MS(60), NULL);
	s->nat_from = SIM_CLIENT;
	s->nat_to = 0x0106;
	assert_true(sim_run(s, SEC(60), sim_all_here));
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* 19.16: who has no ID to give has none to be retired. */
static void cid__empty_retired(void **state)
{
	u8 frame[3] = { QUIC_FT_RETIRE_CONNECTION_ID, 0, 0 };
	struct sim *s = up_empty(false);

	sim_inject(s->s, QUIC_LEVEL_APP, frame, 3);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSING);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(cid__empty),
	TEST(cid__empty_bad_network),
	TEST(cid__empty_retired),
	TEST(cid__issued),
	TEST(cid__lost),
	TEST(cid__retire_prior_to),
	TEST(cid__repeated_prior_to),
	TEST(cid__late),
	TEST(cid__repeated),
	TEST(cid__contradictions),
	TEST(cid__limit),
	TEST(cid__retire_flood),
	TEST(cid__retired_before_sent),
	TEST(cid__replenish),
};

TEST_MAIN(tests)
