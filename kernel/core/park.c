// SPDX-License-Identifier: GPL-2.0
/*
 * What idle connections cost is mostly ciphers ready for use. Secrets stay, everything else that
 * follows from them goes after a while of silence, and comes back in process context.
 *
 * Invariant: while parked there are no keys but those put aside, nothing is in flight, and the
 * rings are empty. Whoever has something to say finds quic_park_wanted().
 */
#include "park.h"
#include "tx.h"

/* Nothing to wait for, nothing to say: cheap questions first, this is asked after each train. */
static bool rests(const struct quic_conn *c)
{
	const struct quic_space *sp = &c->app;

	return !c->loss.bytes_in_flight && !c->loss.app.eliciting &&
	       sp->ack_deadline == U64_MAX && !sp->ack_now &&
	       c->confirmed && c->state == QUIC_CONN_ESTABLISHED && !c->streams.ready &&
	       !c->held_count && quic_path_deadline(c) == U64_MAX &&
	       !quic_pending_control(c, QUIC_LEVEL_APP);
}

u64 quic_park_at(const struct quic_conn *c)
{
	if (quic_parked(c) || !rests(c) || !quic_protect_parkable(&c->prot))
		return U64_MAX;
	return max(c->last_activity, c->unparked_at) + QUIC_PARK_NS;
}

void quic_park(struct quic_conn *c)
{
	quic_loss_rest(&c->loss);
	quic_protect_park(&c->prot);
}

bool quic_park_wanted(const struct quic_conn *c, u64 now)
{
	return quic_parked(c) && c->state <= QUIC_CONN_CLOSING &&
	       (c->streams.ready || quic_path_speaker(c) || quic_tx_probe_at(c) <= now ||
		quic_pending_control(c, QUIC_LEVEL_APP));
}

int quic_park_end(struct quic_conn *c, u64 now)
{
	int err = quic_parked(c) ? quic_protect_unpark(&c->prot) : 0;

	/* Whoever asked is not done: keys that go at once would be made again at once. */
	if (!err)
		c->unparked_at = now;
	return err;
}
