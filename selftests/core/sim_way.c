// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses in the simulation, and a NAT in front of the client. What must hold on
 * every path is checked here, from what is seen on the wire: 8.1 towards each of the
 * client's addresses, and that a client's IDs are used on one path only (9.5).
 */
#include "sim.h"

void sim_way_key(u16 ours, u16 theirs, struct quic_path_key *key)
{
	memset(key, 0, sizeof(*key));
	key->host[0] = ours >> 8;
	key->host[16] = theirs >> 8;
	key->port[0] = ours;
	key->port[2] = theirs;
}

struct sim_way sim_way_of(const struct quic_path *p)
{
	const struct quic_path_key *k = &p->key;

	return (struct sim_way){
		.src = k->host[0] << 8 | k->port[0],
		.dst = k->host[16] << 8 | k->port[2],
	};
}

void sim_way_first(struct sim_ep *ep, u16 ours, u16 theirs)
{
	struct quic_path_key key;

	sim_way_key(ours, theirs, &key);
	quic_path_set_first(&ep->conn, &key);
}

static struct sim_seen *seen(struct sim_ep *ep, u16 addr)
{
	unsigned int i;

	for (i = 0; i < SIM_SEEN - 1; i++) {
		if (!ep->seen[i].addr)
			ep->seen[i].addr = addr;
		if (ep->seen[i].addr == addr)
			break;
	}
	return &ep->seen[i];
}

static void check_amp(struct sim_ep *ep, const struct sim_way *w, u32 len)
{
	struct sim_seen *a = seen(ep, w->dst);
	unsigned int i;

	a->tx += len;
	a->dgrams++;
	for (i = 0; i < QUIC_PATHS_MAX; i++) {
		const struct quic_path *p = ep->conn.paths.slot[i];

		if (p && sim_way_of(p).dst == w->dst && p->validated)
			a->over = true;
	}
	WARN_ON(!a->over && a->tx > 3 * a->rx);
}

/* RFC 9000, 9.5 */
static void check_ids(struct sim_ep *ep, const struct sim_way *w, const u8 *buf, u32 len)
{
	struct sim_used *u;
	unsigned int i;

	/* A peer that says anything issues the same ID twice. */
	if (ep->sim->hostile || (buf[0] & QUIC_HDR_LONG) || len < 1 + QUIC_CID_LEN)
		return;
	for (i = 0; i < SIM_USED; i++) {
		u = &ep->used[i];
		if (!u->way.src) {
			u->way = *w;
			memcpy(u->id, buf + 1, QUIC_CID_LEN);
		}
		if (memcmp(u->id, buf + 1, QUIC_CID_LEN))
			continue;
		WARN_ON(u->way.src != w->src || u->way.dst != w->dst);
		return;
	}
}

bool sim_way_send(struct sim_ep *from, struct sim_way *w, const u8 *buf, u32 len)
{
	struct sim *s = from->sim;

	if (from->server) {
		if (from->live)
			check_amp(from, w, len);
		if (w->dst == s->nat_to && s->nat_to)
			w->dst = s->nat_from;
		else if (s->nat_from && w->dst == s->nat_from)
			return false;	/* that mapping is gone */
	} else {
		if (from->live)
			check_ids(from, w, buf, len);
		if (s->nat_from && w->src == s->nat_from)
			w->src = s->nat_to;
	}
	if (s->dark && (w->src >> 8 == s->dark || w->dst >> 8 == s->dark))
		return false;
	seen(s->s, from->server ? w->dst : w->src)->routed++;
	return true;
}

bool sim_way_receive(struct sim_ep *ep, const struct sim_way *w, u32 len)
{
	struct quic_path_key key;

	if (ep->server)
		seen(ep, w->src)->rx += len;
	sim_way_key(w->dst, w->src, &key);
	return quic_path_from(&ep->conn, &key);
}

u64 sim_way_sent(struct sim_ep *server, u16 to)
{
	return seen(server, to)->dgrams;
}

int sim_migrate(struct sim *s, u16 from, u16 to, bool preferred)
{
	struct quic_path_key key;
	int err;

	sim_way_key(from, to, &key);
	err = quic_path_probe(&s->c->conn, &key, preferred, s->now);
	if (!err)
		sim_pump(s->c);
	return err;
}
