// SPDX-License-Identifier: GPL-2.0
/*
 * What there is to say, for whoever decides whether to build a packet.
 *
 * Invariant: yes means that conn_plan.c finds a frame for a packet of that level. Else a
 * connection would never come to rest.
 */
#include "tx.h"

bool quic_pending_ack(const struct quic_conn *c, enum quic_level level)
{
	/* RFC 9000, 12.5: not in 0-RTT packets, where a client may have read 1-RTT already */
	return level != QUIC_LEVEL_EARLY && quic_conn_space(c, quic_level_pns(level))->ack_now;
}

/* Of 1-RTT packets only: RFC 9000, 12.5, and what comes once the handshake is over */
static bool late_pending(const struct quic_conn *c)
{
	unsigned int i;

	if (c->handshake_done_wanted || (c->token_wanted && c->server) || c->path->n_responses ||
	    c->path->wanted)
		return true;
	for (i = 0; c->cids.announce && i < quic_cid_locals(&c->cids); i++) {
		const struct quic_cid_local *l = quic_cid_local_at(&c->cids, i);

		if (l->used && l->announce)
			return true;
	}
	for (i = 0; i < c->cids.n_retire; i++)
		if (quic_cid_retire_at(&c->cids, i)->pending)
			return true;
	return false;
}

bool quic_pending_control(const struct quic_conn *c, enum quic_level level)
{
	const struct quic_streams *bidi = &c->streams.kind[0], *uni = &c->streams.kind[1];
	enum quic_pns pns = quic_level_pns(level);

	if (c->close_wanted || quic_conn_space(c, pns)->ping_wanted ||
	    quic_loss_space(&c->loss, pns)->probes || quic_pending_ack(c, level) ||
	    (c->crypto[level] && quic_crypto_stream_pending(c, level)))
		return true;
	if (pns != QUIC_PNS_APP)
		return false;
	/* Asked with every packet, mostly for nothing: one branch for all. */
	if (c->max_data_wanted | c->data_blocked_wanted | bidi->max_wanted | bidi->blocked_wanted |
	    uni->max_wanted | uni->blocked_wanted)
		return true;
	if (quic_datagram_pending(c))
		return true;
	return level == QUIC_LEVEL_APP && late_pending(c);
}

bool quic_pending(const struct quic_conn *c, enum quic_level level)
{
	if (!quic_protect_can_send(&c->prot, level))
		return false;
	return (quic_level_pns(level) == QUIC_PNS_APP && c->streams.ready) ||
	       quic_pending_control(c, level);
}
