/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of paths: a client that moves, or is moved by a NAT, and a transfer meanwhile. */
#ifndef SELFTESTS_CORE_PATH_HELP_H
#define SELFTESTS_CORE_PATH_HELP_H

#include "test.h"
#include "sim.h"

#define RTT	MS(20)
#define PTO	MS(999)		/* of a path without RTT: three times kInitialRtt */

static inline void nat(struct sim *s, u16 to)
{
	s->nat_from = SIM_CLIENT;
	s->nat_to = to;
}

/* Where the server sends */
static inline u16 remote_of(const struct sim_ep *ep)
{
	return sim_way_of(ep->conn.path).dst;
}

static inline u16 local_of(const struct sim_ep *ep)
{
	return sim_way_of(ep->conn.path).src;
}

static inline unsigned int paths(const struct sim_ep *ep)
{
	unsigned int i, n = 0;

	for (i = 0; i < QUIC_PATHS_MAX; i++)
		n += !!ep->conn.paths.slot[i];
	return n;
}

static inline u64 dcid_seq(const struct sim_ep *ep)
{
	return quic_cid_remote_at(&ep->conn.cids, ep->conn.path->cid)->seq;
}

static inline void say(struct sim_ep *ep)
{
	quic_conn_ping(&ep->conn);
	sim_pump(ep);
}

static u64 asked_id;

static inline bool asked(struct sim *s)
{
	return sim_find(s->s, asked_id);
}

static inline void transfer(struct sim *s, u64 down, u64 upload, u64 within)
{
	struct sim_stream *st = sim_open(s->c, false);
	struct sim_stream *srv;

	sim_want(s->c->rx_bytes + down, s->c->n_fin + 1, s->s->rx_bytes + upload, s->s->n_fin + 1);
	asked_id = st->qs.id;
	sim_write(s->c, st, upload, true);
	assert_true(sim_run(s, within, asked));
	srv = sim_find(s->s, asked_id);
	sim_write(s->s, srv, down, true);
	assert_true(sim_run(s, within, sim_all_here));
}

#endif
