// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once, by chance: both sides open, write, end, reset, stop and
 * read in fits, keys and MTU change, the network is as bad as the seed says. When
 * it is good again every stream comes to its end and all credit is back.
 */
#include "test.h"
#include "sim.h"
#include "crypto_gnutls.h"

#define SEEDS	120

static struct quic_stream *some_stream(struct sim_ep *ep)
{
	struct sim_stream *st, *found = NULL;
	unsigned int n = 0;

	list_for_each_entry(st, &ep->streams, node)
		if (sim_rnd(ep->sim) % ++n == 0)
			found = st;
	return found ? &found->qs : NULL;
}

static void act(struct sim_ep *ep)
{
	struct quic_stream *s = some_stream(ep);
	struct quic_conn *c = &ep->conn;
	struct sim *sim = ep->sim;
	u32 r = sim_rnd(sim) % 100;
	int err;

	if (r < 20) {
		quic_stream_open(c, r % 2, &err);
	} else if (r < 60) {
		if (s)
			quic_stream_wrote(c, s, sim_rnd(sim) % (r < 30 ? 200000 : 3000), r % 4 == 0);
	} else if (r < 64) {
		if (s)
			quic_stream_reset(c, s, r);
	} else if (r < 68) {
		if (s)
			quic_stream_stop(c, s, r);
	} else if (r < 75) {
		ep->no_read = !ep->no_read;
	} else if (r < 77) {
		quic_conn_key_update(c, sim->now);
	} else if (r < 78) {
		quic_conn_set_mtu(c, 1200 + sim_rnd(sim) % 9000, sim->now);
	} else if (r < 79) {
		quic_conn_ping(c);
	}
	sim_after(ep);
}

static void bad(struct sim *s, struct sim_link *l)
{
	l->loss = sim_rnd(s) % 3 ? 0 : sim_rnd(s) % 100;
	l->reorder = sim_rnd(s) % 3 ? 0 : sim_rnd(s) % 300;
	l->reorder_by = MS(sim_rnd(s) % 20);
	l->dup = sim_rnd(s) % 3 ? 0 : sim_rnd(s) % 100;
	l->corrupt = sim_rnd(s) % 3 ? 0 : sim_rnd(s) % 30;
	l->coalesce = sim_rnd(s) % 3 ? 0 : MS(1);
}

/* End what is open; a reset where there was no word yet is an end, too. */
static void finish(struct sim_ep *ep)
{
	struct sim_stream *st, *tmp;

	ep->no_read = false;
	list_for_each_entry_safe(st, tmp, &ep->streams, node)
		if (st->qs.tx.exists && !st->qs.tx.fin)
			quic_stream_wrote(&ep->conn, &st->qs, 0, true);
	sim_after(ep);
}

static bool settled(struct sim *s)
{
	finish(s->c);
	finish(s->s);
	return !s->c->conn.streams.count && !s->s->conn.streams.count;
}

/* Now and then, even while the search for the MTU goes on */
static bool silent(struct sim *s)
{
	return !s->c->conn.loss.bytes_in_flight && !s->s->conn.loss.bytes_in_flight;
}

static void one(u64 seed)
{
	struct sim_cfg cfg;
	unsigned int i, n;
	struct sim *s;

	sim_config(&cfg);
	cfg.seed = seed;
	cfg.delay = MS(1) << seed % 7;
	cfg.rate = seed % 2 ? 1250000 << seed % 4 : 0;
	cfg.queue = seed % 4 == 3 ? 30000 : 0;
	cfg.cc = seed % 3 ? &quic_cc_cubic : &quic_cc_newreno;
	if (seed % 10 == 0)
		cfg.crypto = &quic_crypto_gnutls;
	s = sim_new(&cfg);
	if (seed % 5 == 0)
		s->s->conn.local.max_data = 50000;
	sim_handshake(s);
	bad(s, &s->c->link);
	bad(s, &s->s->link);
	for (n = 0; n < 150; n++) {
		act(&s->ep[sim_rnd(s) % 2]);
		sim_run(s, sim_rnd(s) % MS(30), NULL);
	}
	for (i = 0; i < 2; i++) {
		struct sim_link *l = &s->ep[i].link;

		l->loss = l->reorder = l->dup = l->corrupt = 0;
		l->queue = 0;
	}
	if (!sim_run(s, SEC(120), settled))
		fail_msg("seed %llu: %u and %u streams left", seed, s->c->conn.streams.count,
			 s->s->conn.streams.count);
	assert_true(sim_run(s, SEC(60), silent));
	for (i = 0; i < 2; i++) {
		struct quic_conn *c = &s->ep[i].conn, *p = &s->ep[!i].conn;

		assert_int_equal(c->state, QUIC_CONN_ESTABLISHED);
		assert_int_equal(c->tx_data, p->rx_flow.used);
		assert_int_equal(c->rx_flow.consumed, c->rx_flow.used);
		assert_true(quic_conn_quiet(c));
	}
	sim_free(s);
}

static void mix__all(void **state)
{
	u64 seed;

	for (seed = 1; seed <= SEEDS; seed++)
		one(seed);
}

static const struct CMUnitTest tests[] = {
	TEST(mix__all),
};

TEST_MAIN(tests)
