// SPDX-License-Identifier: GPL-2.0
/* What tests of whole transfers have in common. */
#include "sim.h"

static u64 want_rx[2];		/* bytes the client, the server waits for */
static unsigned int want_fin[2];

void sim_want(u64 client, unsigned int cfin, u64 server, unsigned int sfin)
{
	want_rx[0] = client;
	want_fin[0] = cfin;
	want_rx[1] = server;
	want_fin[1] = sfin;
}

bool sim_all_here(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (s->ep[i].rx_bytes < want_rx[i] || s->ep[i].n_fin < want_fin[i])
			return false;
	return true;
}

struct sim *sim_up(const struct sim_cfg *cfg)
{
	struct sim *s = sim_new(cfg);

	sim_handshake(s);
	sim_run(s, MS(500) + 8 * cfg->delay, NULL);
	s->start = s->now;
	return s;
}

struct sim *sim_up_plain(void)
{
	struct sim_cfg cfg;

	sim_config(&cfg);
	return sim_up(&cfg);
}

void sim_bad_network(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct sim_link *l = &s->ep[i].link;

		l->loss = 150;
		l->dup = 200;
		l->reorder = 300;
		l->reorder_by = MS(30);
		l->corrupt = 50;
	}
}

void sim_assert_clean(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct quic_conn *c = &s->ep[i].conn;

		WARN_ON(c->state != QUIC_CONN_ESTABLISHED);
		WARN_ON(c->stats.bytes_retransmitted);
		WARN_ON(c->loss.packets_lost);
		WARN_ON(c->loss.pto_count);
		WARN_ON(c->stats.packets_dropped);
	}
}

void sim_assert_settled(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct quic_conn *c = &s->ep[i].conn;

		WARN_ON(c->streams.count);
		WARN_ON(c->rx_flow.consumed != c->rx_flow.used);
		WARN_ON(c->loss.bytes_in_flight);
		WARN_ON(!quic_conn_quiet(c));
	}
}
